-- Written by orthancgen. This script is the same at every site: its values come from the section OrthancGen of
-- Orthanc's configuration, its credential from OrthancGenSecrets. It owns every callback that is defined here:
-- Orthanc takes the last definition it loads, so no other script may define them.

local configuration = GetOrthancConfiguration()
local settings = configuration["OrthancGen"] or {}
local users = settings["Users"] or {}
local permissions = settings["Permissions"] or {}
local webhook = settings["Webhook"]
local token = (configuration["OrthancGenSecrets"] or {})["WebhookToken"]

-- Only what is kept above is needed from here on; a configuration can be large.
configuration = nil

-- Every user of Orthanc has every right on its REST API; this gives each the rights of its role.
function IncomingHttpRequestFilter(method, uri, ip, username, httpHeaders)
  for _, permission in ipairs(permissions[users[username] or ""] or {}) do
    local allowed, prefix = permission[1], permission[2]
    if (allowed == "*" or allowed == method) and string.sub(uri, 1, #prefix) == prefix then
      return true
    end
  end
  return false
end

-- The webhook is a poke: it wakes the backend, which then reads Orthanc's changes. A lost poke loses nothing.
-- While it waits, Orthanc's REST API waits too. So it is short and rare, rests longer after each failure, and after a
-- slow answer, good or bad, many times as long as that took: whatever the backend does, REST is held up a small share
-- of the time.
local REST_FACTOR = 20
local LONGEST_REST_SECONDS = 120
local quietUntil = 0
local failures = 0
local slowInARow = 0

local function Poke(event, id)
  local started = os.time()
  -- Further ahead than the longest rest, the clock was set back in between.
  if started < quietUntil and quietUntil - started <= LONGEST_REST_SECONDS then
    return
  end
  local answer = HttpPost(
    webhook["Url"],
    '{"event":"' .. event .. '","id":"' .. id .. '"}',
    { ["Authorization"] = "Bearer " .. token, ["Content-Type"] = "application/json" }
  )
  local ended = os.time()
  local rest
  -- HttpPost returns the body of an error answer as well: only the acknowledgement of this very id is success.
  if type(answer) == "string" and string.find(answer, '"ack":"' .. id .. '"', 1, true) then
    failures = 0
    rest = webhook["AtMostEverySeconds"]
  else
    failures = math.min(failures + 1, 6)
    rest = 2 ^ failures
  end
  -- The clock counts whole seconds: one more may be chance, but not twice in a row.
  local took = ended - started
  slowInARow = took > 0 and slowInARow + 1 or 0
  if took > 1 or slowInARow > 1 then
    rest = math.max(rest, REST_FACTOR * took)
  end
  quietUntil = ended + math.min(rest, LONGEST_REST_SECONDS)
end

if webhook and token then
  if SetHttpTimeout then
    SetHttpTimeout(webhook["TimeoutSeconds"])
  end

  function OnStoredInstance(instanceId, tags, metadata, origin)
    pcall(Poke, "stored", instanceId)
  end

  function OnDeletedInstance(instanceId)
    pcall(Poke, "deleted", instanceId)
  end
end
