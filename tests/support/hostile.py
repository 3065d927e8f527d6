"""Hostile input: strings that some reader between the file and the server takes for something else."""

# ruff: noqa: E501  wide characters count twice
from __future__ import annotations

from typing import Final

CORPUS: Final[tuple[str, ...]] = (
    "", " ", "\t", "A" * 16, "A" * 17, "É" * 9, "CT1\n", "CT1\r\nX: y", "CT\\1", "CT\x00", "CT\u202eTXT", "ＣＴ１", "ct1", "CT²",
    "\ufeffCT", "$HOME", "${HOME}", "${", "${}", "${X:-y}", "${EVIL}", "$0", "$1", "$_", "$$", "$$$$", "a$",
    "\\u0024{X}", "%PATH%", "%%", "!x!", "^&calc", "{{7*7}}", "{% x %}", "<%= %>", "#{x}", "%{x}", "%(here)s", "%(ENV_HOME)s",
    '"', "'", '\\"', "\\'", "\\\\", "trailing\\", "]]", "]==]", "[[", "--[[", '"..os.execute("id").."', "\\123", "\\z",
    "*/", "/*x*/", "//x", "# x", "; rm -rf /", "a ; b", "$(id)", "`id`", "| x", "&& x", "> /etc/x", "-rf", "--help", "*", "~",
    'x" ; flush ruleset ; "', 'x"\n}\n}\nflush ruleset\n', 'x"\n-A INPUT -j ACCEPT', 'include "/etc/passwd"', "@set",
    "{ 1.1.1.1 }", "a,b", "0.0.0.0/0", "::/0", "10.0.0.5/8", "10.1", "010.0.0.1", "0x0a.0.0.1", "167772161", "localhost", "-",
    "any", "LocalSubnet", "fe80::1%eth0", 'fe80::1%"; flush ruleset #', "::1%\n-A INPUT -j ACCEPT", "::ffff:10.0.0.1", "[::1]",
    "1.2.3.4\n", "１０.0.0.1", "256.1.1.1", "1.2.3.4/33", "a..b", "-a.com", "a_b", "xn--mnchen-3ya", "a" * 255, "all",
    "http://u:p@h/", "http://h\\@evil/", "http://a\n.b/", "//h", "javascript:alert(1)", "file:///etc/passwd",
    "http://169.254.169.254/", "http://[::1]:0/", "http://h:99999/", "http://h/${X}", "https://h/#f", "?q=a&b", "http://h/$HOME",
    "http://h/'%22", "<script>alert(1)</script>", '"><img src=x onerror=1>', "</script>", "&lt;", '=HYPERLINK("x")', "@SUM(1)",
    "[x](javascript:1)", "|x|", "12345", "true", "null", "1e5", '"q"', '{"a":1}', "user:pw", "ends-with-newline\n", " both ",
    "x" * 200, "\U0001f9b4", "e\u0301", "\u00e9", "中文", "NO", "08", "1_000", "12:34", "<<: *a", "!!python/object:os.system",
    "../../x", "/../x", "/a/$HOME/b", "/a b/'\"%;#", "/C:\\x", "C:\\x", "CON", "\\\\unc", "\x1b[31m", "\x7f", "\x85", "\u2028",
    "\u200b", "\U000e0041", "\ue000", "\ufffe", "[hidden]", "${ENV}$$", "\\u0024\\u007b", "%s%n", "{0}", "{}", "\N{NO-BREAK SPACE}",
)  # fmt: skip
