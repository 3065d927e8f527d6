"""Images in a bucket: its section is rendered, its login is a secret, and both together stand beside orthanc.json."""

from __future__ import annotations

import json
from typing import Any

from orthancgen.render.catalogue import render
from orthancgen.secrets.orthanc_file import orthanc_secret_document
from orthancgen.secrets.value import SecretValue
from tests.support.scaled import IMAGES, kubernetes

SECTION = {"BucketName": "images", "Region": "eu-central-1"}
LOGIN = {"access_key": {"secret": "bucket_key_id"}, "secret_key": {"secret": "bucket_key"}}
IN_A_BUCKET: dict[str, Any] = {
    "images": IMAGES,
    "scale": {"index": "postgresql", "storage": "object_storage", "orthancs": 2},
    "orthanc/settings": {"AwsS3Storage": SECTION},
}
WITH_LOGIN: dict[str, Any] = {
    **IN_A_BUCKET,
    "scale": {**IN_A_BUCKET["scale"], "bucket": LOGIN},
    "secrets": {"bucket_key_id": {"file": "/a"}, "bucket_key": {"file": "/b"}},
}


def documents(changes: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """orthanc.json, and the file beside it with `value-of-NAME` for each secret."""
    plan = kubernetes(changes)
    values = {secret.name: SecretValue(f"value-of-{secret.name}") for secret in plan.secrets}
    bundle = render(plan)
    assert not any(b"value-of-" in file.content for file in bundle.files)
    return json.loads(bundle.file("orthanc/orthanc.json").content), json.loads(orthanc_secret_document(plan, values))


def test_without_a_login_the_section_is_in_orthanc_json_and_the_plugin_is_loaded() -> None:
    rendered, beside = documents(IN_A_BUCKET)
    assert rendered["AwsS3Storage"] == SECTION
    assert "AwsS3Storage" not in beside
    assert any(one.endswith("/libOrthancAwsS3Storage.so") for one in rendered["Plugins"])


def test_with_a_login_the_section_is_beside_it_as_a_whole() -> None:
    rendered, beside = documents(WITH_LOGIN)
    assert "AwsS3Storage" not in rendered
    assert rendered["OrthancGen"]["AwsS3Storage"] == SECTION
    assert beside["AwsS3Storage"] == {
        **SECTION, "AccessKey": "value-of-bucket_key_id", "SecretKey": "value-of-bucket_key",
    }  # fmt: skip
    assert not set(rendered) & set(beside)


def test_orthanc_alone_reads_the_login_which_is_never_generated() -> None:
    found = {secret.name: secret for secret in kubernetes(WITH_LOGIN).secrets}
    for name in ("bucket_key_id", "bucket_key"):
        assert (found[name].purpose, found[name].used_by) == ("credential", ("orthanc",))
