"""What is told as a secret, and what is not; each line as people write it."""

from __future__ import annotations

import base64
import json

import pytest

from orthancgen.secrets.scan.known import KnownValues
from orthancgen.secrets.scan.leak import LEAK_RULES
from orthancgen.secrets.scan.run import apart
from orthancgen.secrets.scan.vendors import VENDORS
from tests.unit.secrets.scans import SECRET, rules

LITERAL, USER, DEFAULT = "literal-secret", "orthanc-password", "default-password"
PEM = (
    "-----BEGIN {}PRIVATE KEY-----\n"
    + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\n" * 3
    + "-----END {}PRIVATE KEY-----\n"
)
BASIC = base64.b64encode(f"orthanc:{SECRET}".encode()).decode()
TOKEN = "a1B2c3D4e5F6g7H8i9J0" * 4  # orthancgen: allow-secret made up for the tests
JWT = ".".join(
    base64.urlsafe_b64encode(part).decode().rstrip("=")
    for part in (json.dumps({"alg": "HS256"}).encode(), json.dumps({"sub": "1"}).encode(), b"s" * 32)
)


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("prod.yaml", "password: @@", LITERAL),
        ("prod.yaml", "users:\n  admin: {role: administrator, password: @@}", LITERAL),
        ("prod.yaml", "password: '@@' # remember", LITERAL),
        ("prod.yaml", "password: hospital", LITERAL),
        ("prod.yaml", 'password: "$@@"', LITERAL),
        ("compose.yaml", "    - POSTGRES_PASSWORD=@@", LITERAL),
        ("compose.yaml", '    - "MONGO_INITDB_ROOT_PASSWORD=@@"', LITERAL),
        ("compose.yaml", "    MONGO_INITDB_ROOT_PASSWORD: @@", LITERAL),
        ("compose.yaml", "    ORTHANC__POSTGRESQL__PASSWORD: @@", LITERAL),
        ("Dockerfile", "ENV ADMIN_PASSWORD=@@", LITERAL),
        ("Dockerfile", "ARG API_TOKEN=@@", LITERAL),
        ("deploy.sh", "export DB_PASS=@@ && run", LITERAL),
        ("deploy.sh", "mysqldump --password=@@ db", LITERAL),
        ("deploy.ps1", "tool --password @@", LITERAL),
        ("service.ini", "password = @@", LITERAL),
        ("service.ini", "password = Winter.Password2026", LITERAL),
        ("main.tf", 'password = "@@"', LITERAL),
        ("settings.xml", "<password>@@</password>", LITERAL),
        ("app.py", 'password = "@@"', LITERAL),
        ("app.ts", "const apiKey = '@@';", LITERAL),
        ("app.js", "auth({ token: `@@` })", LITERAL),
        ("README.md", 'Log in with `password: "@@"`.', LITERAL),
        ("wg0.conf", "PrivateKey = " + base64.b64encode(bytes(range(60, 92))).decode(), LITERAL),
        ("x.json", '{"client_secret": "@@"}', LITERAL),
        ("x.json", '{"secret": "0f9e8d7c6b5a49382716051423324150"}', LITERAL),  # orthancgen: allow-secret made up
        ("orthanc.json", '{"PostgreSQL": {"Password": "@@"}}', LITERAL),
        ("orthanc.json", '{"RegisteredUsers": {"doctor": "@@"}}', USER),
        ("orthanc.json", '"RegisteredUsers" : {\n  // "alice" : "alicePassword"\n  "doctor" : "@@"\n}', USER),
        ("orthanc.json", '"RegisteredUsers" : { /* two */ "doctor" : "hospital" }', USER),
        ("values.yaml", "orthanc:\n  RegisteredUsers:  # people\n    doctor: @@\n", USER),
        ("compose.yaml", '  ORTHANC__REGISTERED_USERS: \'{"demo": "@@"}\'', USER),
        ("compose.yaml", '  ORTHANC__REGISTERED_USERS: "{\\"demo\\": \\"@@\\"}"', USER),
        ("compose.yaml", '  ORTHANC__REGISTERED_USERS: |\n    {"demo": "@@"}', USER),
        ("orthanc.json", '"OrthancPeers": {"far": ["https://far:8042/", "orthanc", "@@"]}', USER),
        ("route.lua", 'SetHttpCredentials("orthanc", "@@")', USER),
        ("compose.yaml", "MONGO_URL: mongodb://app:@@@database:27017/x", "database-login"),
        ("app.py", 'connect("postgresql://app:@@@db/x")', "database-login"),
        ("nginx.conf", "proxy_pass http://orthanc:@@@127.0.0.1:8042;", "url-login"),
        ("deploy.sh", "curl -s -u orthanc:@@ http://localhost:8042/system", "header-login"),
        ("nginx.conf", f'proxy_set_header Authorization "Basic {BASIC}";', "header-login"),
        ("call.http", f"Authorization: Bearer {TOKEN}", "header-login"),
        ("key.txt", PEM.format("", ""), "private-key"),
        ("key.txt", PEM.format("RSA ", "RSA "), "private-key"),
        ("secret.yaml", "key: |\n  " + PEM.format("EC ", "EC ").replace("\n", "\n  "), "private-key"),
        ("x.json", json.dumps({"key": PEM.format("OPENSSH ", "OPENSSH ")}), "private-key"),
        ("x.txt", "PuTTY-User-Key-File-3: ssh-ed25519", "private-key"),  # orthancgen: allow-secret no key follows
        ("x.txt", JWT, "vendor-token"),
        ("prod.yaml", "password: change-me", DEFAULT),
        ("compose.yaml", "POSTGRES_PASSWORD=postgres", DEFAULT),
        ("compose.yaml", "ORTHANC_PASSWORD: CHANGE_ME", DEFAULT),
        ("orthanc.json", '"RegisteredUsers": {"orthanc": "orthanc"}', DEFAULT),
        ("orthanc.json", '"RegisteredUsers": {"alice": "alicePassword"}', DEFAULT),
        ("compose.yaml", "MONGO_URL: mongodb://root:changeme@database/", DEFAULT),
    ],
)
def test_a_secret_is_told(name: str, text: str, rule: str) -> None:
    assert rules(text, name) == [rule]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("prod.yaml", "password: {secret: orthanc_password}"),
        ("prod.yaml", "password:\n  secret: orthanc_password"),
        ("prod.yaml", "secrets: {orthanc_password: {file: /run/secrets/orthanc_password}}"),
        ("prod.yaml", "operator_token: {env: OPERATOR_TOKEN}"),
        ("prod.yaml", "password: ${PASSWORD:?missing}"),
        ("prod.yaml", "password: $PASSWORD"),
        ("prod.yaml", "password: !vault |"),
        ("prod.yaml", "password: ENC[AES256_GCM,data:Zm9v,type:str]"),
        ("prod.yaml", 'password: "{{ vault_password }}"'),
        ("prod.yaml", "password: <your password>"),
        ("prod.yaml", "password: ********"),
        ("prod.yaml", "password: xxxxxxxx"),
        ("prod.yaml", "password: ''"),
        ("prod.yaml", "password: your-password-here"),
        ("prod.yaml", "password: the one that the administrator gave you"),
        ("openapi.yaml", "password: string"),
        ("openapi.yaml", "password:\n  type: string\n  format: password"),
        ("compose.yaml", "    MONGO_INITDB_ROOT_PASSWORD_FILE: /run/secrets/mongo"),
        ("compose.yaml", "    secrets: [orthanc_password, mongo_password]"),
        ("compose.yaml", "    - POSTGRES_PASSWORD=${POSTGRES_PASSWORD}"),
        ("compose.yaml", "    - POSTGRES_PASSWORD"),
        ("compose.yaml", "    secrets:\n      - source: orthanc.secret.json"),
        ("deploy.sh", 'PASSWORD="$(cat /run/secrets/x)"'),
        ("deploy.sh", 'PASSWORD="$1"'),
        ("deploy.sh", "case $line in ORTHANC_PASSWORD=*) read it ;; esac"),
        ("deploy.sh", 'curl -u "$USER:$PASSWORD" http://localhost:8042/'),
        ("deploy.sh", "docker run -u 1000:1000 image"),
        ("deploy.cmd", "set DB_PASSWORD=%1"),
        ("names.json", '"PG_PASSWORD": "PostgreSQL.Password"'),
        ("names.yaml", "DB_PASSWORD: FROM_CI_PASSWORD"),
        ("app.py", "password = getpass()"),
        ("app.py", 'password = os.environ["PASSWORD"]'),
        ("app.py", 'password: str = "password"'),
        ("app.py", 'token = "webhook-token-1"'),
        ("app.py", 'raise ValueError("the password: 1 upper-case letter")'),
        ("app.py", 'if "-----BEGIN PRIVATE KEY-----" in text:'),
        ("app.py", 'header = f"Bearer {token}"'),
        ("app.ts", "const password = z.string().min(12);"),
        ("docs.md", "Password: choose one with 16 characters, such as 4 words."),
        ("docs.md", "`password: change-me`"),
        ("docs.md", "mongodb://user:password@host:27017/"),
        ("docs.md", "https://orthanc.uclouvain.be/book/faq/security.html"),
        ("docs.md", "`Authorization: Basic <base64>`"),
        ("x.json", '{"password": null, "token": true, "secret": 12}'),
        ("x.json", '{"passwordMinimumLength": "Kq7vR2mXz5TbNw9pLd"}'),
        ("package-lock.json", '"integrity": "sha512-Aup7aUOfpbAUg2ROOJN6Iw5f9DMBlzu0mIkm=="'),
        ("orthanc.json", '"RegisteredUsers" : {\n  // "alice" : "alicePassword"\n}'),
        ("orthanc.json", '"RegisteredUsers" : {}, "DicomModalities" : {"ct" : ["CT1", "192.0.2.1", 104]}'),
        ("orthanc.json", '"RegisteredUsers": {"doctor": "${DOCTOR_PASSWORD}"}'),
        ("values.yaml", "RegisteredUsers: {}\nother: Kq7vR2mXz5TbNw9p"),
        ("values.yaml", "  RegisteredUsers:\n  other: Kq7vR2mXz5TbNw9p"),
        ("x.yaml", "url: http://127.0.0.1:8042/patients@home"),
        ("x.yaml", "url: mongodb://${USER}:${PASSWORD}@database/"),
        ("x.yaml", "image: registry:5000/orthanc@sha256:0f9e8d7c6b5a4938"),
        ("x.txt", "AKIAIOSFODNN7EXAMPLE"),  # of AWS's own documentation
        ("x.txt", "eyJhbGciOiJub3QganNvbg.eyJub3QiOiJqc29u.c2lnbmF0dXJlc2lnbmF0dXJl"),
    ],
)  # fmt: skip
def test_what_only_looks_like_one_is_not(name: str, text: str) -> None:
    assert rules(text, name) == []


TOKENS = {
    "AWS": "AKIA" + "Q7Z3" * 4,
    "Azure Storage": "AccountKey=" + (TOKEN * 2)[:86] + "==",
    "GitHub": "ghp_" + TOKEN[:36],
    "GitLab": "glpat-" + TOKEN[:20],
    "PyPI": "pypi-AgEIcHlwaS5vcmc" + TOKEN,
    "SendGrid": f"SG.{TOKEN[:22]}.{TOKEN[:43]}",
    "Slack": "xoxb-" + "123456789012-123456789012-" + TOKEN[:24],
    "Square": "sq0csp-" + TOKEN[:43],
    "Stripe": "sk_live_" + TOKEN[:24],
}


@pytest.mark.parametrize("vendor", [vendor.name for vendor in VENDORS])
@pytest.mark.parametrize("around", ["{}", "x: {}\n", "https://example.org/?a={}&b", '{{"k":"{}"}}'])
def test_tokens_of_vendors_are_told_wherever_they_stand(vendor: str, around: str) -> None:
    text = around.format(TOKENS[vendor])
    (span,) = apart(text, "notes.txt", KnownValues())
    assert (span.rule.id, span.what) == ("vendor-token", f"a token of {vendor}")
    assert text[span.start : span.end] in TOKENS[vendor]
    assert apart(text.replace(TOKENS[vendor], TOKENS[vendor][:9]), "notes.txt", KnownValues()) == []


def test_other_tokens_of_vendors() -> None:
    assert rules("github_pat_" + TOKEN[:22] + "_" + TOKEN[:59], "x.txt") == ["vendor-token"]
    assert rules("https://hooks.slack.com/services/T" + "1A2B3C4D/B" + "1A2B3C4D/" + TOKEN[:24], "x.txt") == [
        "vendor-token"
    ]
    words = [word for vendor in VENDORS for word in vendor.words]
    assert len(set(words)) == len(words)


def test_each_value_is_told_once_at_its_place() -> None:
    text = f'# users\nRegisteredUsers: {{\'a\': 1}}\n"RegisteredUsers": {{"a": "{SECRET}", "b": "{SECRET}x"}}\n'
    spans = apart(text, "x.yaml", KnownValues())
    assert [text[span.start : span.end] for span in spans] == [SECRET, f"{SECRET}x"]
    assert [span.what for span in spans] == ["the password of a on Orthanc", "the password of b on Orthanc"]


def test_nothing_that_is_told_holds_the_value() -> None:
    for name, text in (
        ("a.yaml", "password: @@"),
        ("a.json", '"RegisteredUsers": {"x": "@@"}'),
        ("a", "http://u1:@@@h/"),
    ):
        for span in apart(text.replace("@@", SECRET), name, KnownValues()):
            assert SECRET not in repr(span)


def test_ids_are_unique_and_every_rule_has_a_remedy() -> None:
    assert len({rule.id for rule in LEAK_RULES}) == len(LEAK_RULES)
    assert all(rule.remedy for rule in LEAK_RULES)
