-- What wrk sends: `wrk -t THREADS … URL -- MODE FILE START THREADS`. Every request takes the next author's key, and
-- one that writes carries what no request before it carried: START is a number that no request of the run has had
-- yet, and the first number that is free again is reported in the end.
--
-- FILE has one line for each author: the key, then the ids of the author's cards.

local TITLE = "A title of ordinary length"
local CONTENT = "Some content of a card that is about one hundred and fifty characters long, more or less, so that it"
  .. " is as real as a short note would be: "
local CARDS_OF_A_FULL_REQUEST = 100

local authors = {}
local strides = {}

local function card(n, place)
  return '{"title":"' .. TITLE .. '","content":"' .. CONTENT .. n .. "." .. place .. '","privacy_level":"IDEAS"}'
end

local function citation(source, target)
  return '{"source_card_id":"' .. source .. '","target_card_id":"' .. target .. '","attribution_type":"citation"}'
end

local function anyAuthor(n)
  return n % #authors + 1
end

-- For each mode: method, path, whose key request n uses, and its body. Authors and cards count from 1, n from 0.
local MODES = {
  publish = {
    method = "POST", path = "/api/publish", caller = anyAuthor,
    body = function(n) return '{"cards":[' .. card(n, 1) .. "]}" end,
  },
  publish100 = {
    method = "POST", path = "/api/publish", caller = anyAuthor,
    body = function(n)
      local cards = {}
      for place = 1, CARDS_OF_A_FULL_REQUEST do cards[place] = card(n, place) end
      return '{"cards":[' .. table.concat(cards, ",") .. "]}"
    end,
  },
  -- Anybody cites anybody else but the first author, whom `hot` has for itself. The cards of a caller cite in turn,
  -- each beginning anywhere in the list of those that it may cite and going on from there: no pair comes twice.
  cite = {
    method = "POST", path = "/api/attributions", caller = anyAuthor,
    body = function(n, caller)
      local turn, each = math.floor(n / #authors), #authors[1].cards
      local target, round = turn % each + 1, math.floor(turn / each)
      local cited = #authors - 2
      local place = (strides[caller][target] + round) % (cited * each)
      local source = place % cited + 2
      if source >= caller and caller > 1 then source = source + 1 end
      return citation(authors[source].cards[math.floor(place / cited) + 1], authors[caller].cards[target])
    end,
  },
  hot = {
    method = "POST", path = "/api/attributions",
    caller = function(n) return n % (#authors - 1) + 2 end,
    body = function(n, caller)
      local turn, each = math.floor(n / (#authors - 1)), #authors[1].cards
      local target, source = turn % each + 1, (turn + math.floor(turn / each)) % each + 1
      return citation(authors[1].cards[source], authors[caller].cards[target])
    end,
  },
  balance = { method = "GET", path = "/api/balance", caller = anyAuthor },
}

local threads = {}

function setup(thread)
  thread:set("threadNo", #threads)
  table.insert(threads, thread)
end

function init(args)
  mode = MODES[args[1]]
  for line in io.lines(args[2]) do
    local author = { cards = {} }
    for word in line:gmatch("%S+") do
      if author.head then
        table.insert(author.cards, word)
      else
        author.head = mode.method .. " " .. mode.path .. " HTTP/1.1\r\nHost: " .. wrk.host .. "\r\nAuthorization: Bearer " .. word
      end
    end
    table.insert(authors, author)
  end
  nextNo = tonumber(args[3]) + threadNo
  -- Not counted in setup: the first thread runs already when the second one is set up.
  threadCount = tonumber(args[4])
  -- The same in every thread and every run, so that what was cited once is known to all of them.
  math.randomseed(1)
  for a = 1, #authors do
    strides[a] = {}
    for c = 1, #authors[a].cards do strides[a][c] = math.random(0, 1000000) end
  end
end

function request()
  local n = nextNo
  nextNo = n + threadCount
  local caller = mode.caller(n)
  local head = authors[caller].head
  if not mode.body then return head .. "\r\n\r\n" end
  local body = mode.body(n, caller)
  return head .. "\r\nContent-Type: application/json\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

function done(summary, latency)
  local free = 0
  for _, thread in ipairs(threads) do free = math.max(free, thread:get("nextNo")) end
  local e = summary.errors
  io.write(string.format(
    'RESULT {"answers":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,"refused":%d,"broken":%d,"free_no":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    e.status, e.connect + e.read + e.write + e.timeout, free))
end
