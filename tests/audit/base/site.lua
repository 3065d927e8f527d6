-- Who may do what, and a short call to the backend when something arrives.
local settings = GetOrthancConfiguration()["Site"] or {}

function IncomingHttpRequestFilter(method, uri, ip, username, httpHeaders)
  if username == 'reader' then
    return method == 'GET' and string.sub(uri, 1, 6) ~= '/tools'
  end
  return username == 'administrator'
end

local function tell(id)
  local headers = { ['Authorization'] = 'Bearer ' .. settings['Token'], ['Content-Type'] = 'application/json' }
  HttpPost('http://backend:8001/api/orthanc/webhook', '{"id":"' .. id .. '"}', headers)
end

SetHttpTimeout(2)

function OnStoredInstance(instanceId, tags, metadata, origin)
  pcall(tell, instanceId)
end
