-- SPDX-License-Identifier: MIT
-- The load for wrk. Without arguments it posts orders; with order ids it reads those in turn.
-- At the end it prints one line of JSON, because wrk's own report rounds and changes units.

local requests = {}
local last = 0

function init(args)
  wrk.headers["Authorization"] = "Basic ZGVtbzpkZW1vLXNlY3JldA==" -- demo:demo-secret
  for i = 1, #args do
    requests[i] = wrk.format("GET", "/order/" .. args[i])
  end
  if #requests == 0 then
    wrk.headers["Content-Type"] = "application/json"
    local body = '{"user_id":"user123","item_ids":[101,102],"total_amount":250.75}'
    requests[1] = wrk.format("POST", "/order", nil, body)
  end
end

function request()
  last = last % #requests + 1
  return requests[last]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"answers":%d,"refused":%d,"broken":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f}\n',
    summary.requests, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
