-- Orthanc runs Lua 5.3 and calls these functions of a script: https://orthanc.uclouvain.be/book/users/lua.html
std = "lua53"
max_line_length = 120
globals = { "IncomingHttpRequestFilter", "OnStoredInstance", "OnDeletedInstance" }
read_globals = { "GetOrthancConfiguration", "HttpPost", "SetHttpTimeout" }
-- Orthanc decides what a callback is given
unused_args = false
ignore = { "311" } -- a variable is set to nil to free its memory
