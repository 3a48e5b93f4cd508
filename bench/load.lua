-- What wrk sends: page views and clicks as kit.js does, one device's to a request, each event once.
-- Arguments: write key, events a request, milliseconds that a connection waits between two requests.
local devices = 20000
local pages = 200
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

local template = '{"type":"%s","messageId":"%s-%x","originalTimestamp":"%s.%03dZ","anonymousId":"visitor-%x"%s,' ..
  '"properties":%s,"context":{"page":{"url":"https://shop.example/products/%d?colour=green",' ..
  '"path":"/products/%d","search":"?colour=green","referrer":"https://shop.example/products",' ..
  '"title":"Honest trowel no. %d - The Example Garden Shop"},"locale":"en-GB","sessionId":"%s-%x","seq":%d,' ..
  '"library":{"name":"kit","version":"1.0.0"}}}'

function init(arguments)
  key, events, pause = arguments[1], tonumber(arguments[2]), tonumber(arguments[3])
  math.randomseed(os.time() * 100 + number)
  run = string.format("%x-%x-%x", os.time(), number, math.random(0, 0x7fffffff))
  sent = 0
  seq = {}
  headers = {
    ["content-type"] = "text/plain;charset=UTF-8",
    ["user-agent"] = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
      .. "Chrome/142.0.0.0 Safari/537.36",
  }
end

function request()
  local device = math.random(devices)
  local now = os.date("!%Y-%m-%dT%H:%M:%S")
  local batch = {}
  for n = 1, events do
    sent = sent + 1
    local place = (seq[device] or 0) + 1
    seq[device] = place
    local page = math.random(pages)
    local view = n % 2 == 1
    batch[n] = string.format(template, view and "page" or "track", run, sent, now, n, device,
      view and "" or ',"event":"Added to cart"', view and "{}" or '{"product":"Honest trowel","price":24}',
      page, page, page, run, device, place)
  end
  local body = '{"writeKey":"' .. key .. '","batch":[' .. table.concat(batch, ",") .. ']}'
  return wrk.format("POST", wrk.path, headers, body)
end

if delay == nil then
  function delay()
    -- Evenly spread: connections that all wait alike would send in waves.
    return pause == 0 and 0 or math.random(0, 2 * pause)
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"seconds":%.3f,"p50":%.3f,"p99":%.3f,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
