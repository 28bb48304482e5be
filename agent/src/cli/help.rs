//! What `--help` says below the options: examples first, then what one has to know to read the answer.

pub(super) const ABOUT: &str = "What lingers in your Go services: goroutines that grow, defers that pile up";

pub(super) const LONG_ABOUT: &str = "\
What lingers in your Go services: goroutines that grow, defers that pile up.

linger runs beside a service that serves net/http/pprof, scrapes it at a cost it bounds and shows, \
keeps the history, and answers: which goroutines grow, since when, where; which defers are pending, at which line.";

pub(super) const EXITS: &str = "\
Try it:
  linger scrape http://127.0.0.1:6060      what stands out in the next 30 seconds
  linger agent http://127.0.0.1:6060       watch it from now on
  linger trend                             which goroutines grew in the last hour
  linger defers --from now-1d              which defers piled up since yesterday

Exit codes: 0 ok, 1 failure, 2 usage. `linger check` has its own: see linger check --help";

pub(super) const AGENT: &str = "\
Examples:
  linger agent http://127.0.0.1:6060
  linger agent http://127.0.0.1:6060 http://127.0.0.1:6061/admin --data /var/lib/linger
  linger agent --config linger.yaml

The service needs `import _ \"net/http/pprof\"` and a listener for it; nothing else changes in it. \
Answers are then one command away: linger status, linger trend, linger defers. \
It stops on SIGINT and SIGTERM, after what was scraped is on disk.

Exit codes: 0 stopped as asked, 1 failure, 2 usage";

pub(super) const SCRAPE: &str = "\
Examples:
  linger scrape http://127.0.0.1:6060
  linger scrape http://127.0.0.1:6060 --for 5m
  linger scrape https://api:6060 --ca-file ca.pem --token-file /run/secrets/token
  linger scrape unix:///run/api.sock
  linger scrape http://127.0.0.1:6060 --output json | jq -r '.findings[]'

Findings come first, then the evidence. A growth figure needs at least 8 scrapes; slow growth needs longer.

Exit codes: 0 looked (whatever was found), 1 the service could not be scraped, 2 usage";

pub(super) const STATUS: &str = "\
Examples:
  linger status
  linger status --data /var/lib/linger     of a stopped agent, as it was last
  linger status -o json | jq '.targets[] | {target, up, state}'

EVERY shows `15s → 1m` where an interval was widened to keep the cost to the service under its limit.

Exit codes: 0 ok, 1 failure, 2 usage";

pub(super) const TREND: &str = "\
Examples:
  linger trend
  linger trend api --from now-6h --limit 50
  linger trend --from \"2026-11-24 03:12\" --to \"2026-11-24 04:00\"
  linger trend -o json | jq '.targets[].series[] | {function: .site.function, last, slope_per_hour}'

The total is exact at each scrape. GROWTH/H is the median slope since the last restart with its 95 % \
interval: an interval that holds 0 is no growth. WHERE is the first function outside the standard library, \
what it waits for, and the goroutine's first function (who started it stands only in a dump: curl URL/debug/pprof/goroutine?debug=2). In the sparkline a blank was not scraped, ╎ is a restart.

Exit codes: 0 ok, 1 failure, 2 usage";

pub(super) const DEFERS: &str = "\
Examples:
  linger defers
  linger defers api --from now-6h
  linger defers --site cart.go:131
  linger defers --site 'cart.(*Cart).drain' -o json | jq '.targets[].sites[].holders[]'
  linger defers -o json | jq '.targets[].sites[] | {function, line, pending, interval}'

PENDING are deferred calls that wait to run. From a heap profile they are estimates: the 95 % interval is \
beside them, and below the floor a line may go unseen. They are as of the last GC the service finished. \
RUN/S are executed defers, estimated from CPU profiles within a factor of 2.
--site tells who holds what is pending at one line, where it is counted in the process's memory: what they wait for, \
where, who made them, their stacks.

Exit codes: 0 ok, 1 failure, 2 usage";

pub(super) const QUERY: &str = "\
Examples:
  linger query linger_goroutines
  linger query 'linger_goroutines_at_site{class=\"chan send\"}' --from now-6h
  linger query '{target=\"api\", __name__=~\"linger_defers.*\"}' -o json

JSON holds every stored point as [milliseconds, value].

Exit codes: 0 ok (also when nothing is selected), 1 failure, 2 usage";

pub(super) const CHECK: &str = "\
Examples:
  linger check                             agent, targets and every threshold
  linger check agent                       only that the agent runs: a liveness probe
  linger check goroutines api              thresholds on goroutines of one target
  linger check all api                     everything about one target

The first line is `LINGER OK|WARNING|CRITICAL|UNKNOWN - summary | figures`, details follow.

Exit codes (Nagios): 0 ok, 1 warning, 2 critical, 3 unknown: no answer, or a usage error.
For `check agent` an agent that does not answer is critical";

pub(super) const AUDIT: &str = "\
Examples:
  linger audit ./shop
  linger audit ./shop --only stack --package 'example.com/shop/*'
  linger audit ./shop --fail-on loop                             in CI: no new defer in a loop
  linger audit ./shop --write-baseline defers.baseline           accept what is there, then give each its reason
  linger audit ./shop --fail-on loop --baseline defers.baseline
  linger audit /proc/4242/exe -o json | jq '.defers[] | select(.in_loop)'

A defer in a loop waits until its function returns, not until the turn ends: files stay open, locks stay taken, \
memory grows. Kinds are the compiler's own: heap (in a loop), range (in a loop over a function), stack and open \
(outside of loops; open costs next to nothing). Source is not needed; code the linker dropped is not in the program. \
Without --package, --fail-on judges the packages of the main module only.

Exit codes: 0 ok, 1 --fail-on found something, or the file cannot be audited, 2 usage";

pub(super) const TRACE_SUMMARY: &str = "\
Examples:
  linger trace summary http://127.0.0.1:6060                        record a second now
  linger trace summary http://127.0.0.1:6060 --seconds 5 --limit 30
  linger trace summary http://127.0.0.1:6060/debug/flight/trace     an endpoint of one's own, a flight recorder
  linger trace summary shop.trace                                   a file; also gzipped
  curl -s 'http://127.0.0.1:6060/debug/pprof/trace?seconds=1' | linger trace summary -
  linger trace summary api                                          the newest one that the agent kept of target api
  linger trace summary shop.trace -o json | jq '.suspects[] | {count, reason, place: .place.function}'

Traces of Go 1.22 to 1.27. Every figure is of the window in the head, which is what was recorded, not what was asked for; \
what is missing of a cut trace is said, and the rest is told. LONGEST and TOTAL are lengths within the window. \
A region named defer:NAME is taken for a deferred call that its author annotated: \
`defer trace.StartRegion(ctx, \"defer:unlock\").End()`. \
Recording costs the service 1 to 2 % of its time for as long as it lasts, and stops it for a moment at both ends; \
above 100,000 goroutines those moments take some 100 ms.

Exit codes: 0 ok (also when the trace is cut), 1 failure or a broken trace, 2 usage";

pub(super) const TRACE_EXPORT: &str = "\
Examples:
  linger trace export shop.trace -o shop.json.gz        open it in https://ui.perfetto.dev
  linger trace export http://127.0.0.1:6060 -o shop.json.gz
  linger trace export api --format raw -o api.trace     the newest kept one as it came: go tool trace api.trace
  linger trace export shop.trace | jq '.traceEvents | length'

A track for each goroutine with what it was at, and for each P with who ran on it; collections, stops of the world, \
tasks, counters; arrows from who woke to who was woken. Where regions begin or end within a state, its slice is \
interrupted and goes on. As plain JSON a busy second of two processors takes some 100 MB, gzipped an eighth of that. \
It holds names and messages of your program.

Exit codes: 0 ok (also when the trace is cut), 1 failure or a broken trace, 2 usage";

pub(super) const TRACE_LIST: &str = "\
Examples:
  linger trace list
  linger trace list api
  linger trace list -o json | jq -r '.traces[] | select(.cut == null) | .id'
  linger trace summary api --id ID
  linger trace export api --id ID --format raw -o api.trace

An agent takes a trace of a second every ten minutes and keeps the last four of each target.

Exit codes: 0 ok, 1 failure, 2 usage";

pub(super) const CONFIG_CHECK: &str = "\
Examples:
  linger config check linger.yaml
  linger config check linger.yaml --text-only      where its secrets are not, in CI

Exit codes: 0 valid, 1 faults (each with its place in the file), 2 usage";

pub(super) const CONFIG_SHOW: &str = "\
Examples:
  linger config show linger.yaml
  linger config show linger.yaml --listen 127.0.0.1:7000
  LINGER_TARGETS=http://127.0.0.1:6060 linger config show
  linger config show linger.yaml -o json | jq -r '.origins | to_entries[] | \"\\(.key)\\t\\(.value)\"'

The layers are the file, over it the environment, over that the command line; addresses of targets add up. \
A comment says where each value comes from. What is printed reads back as the same configuration, but for \
texts of headers, which are not shown. Targets of file_sd are in the status of a running agent, not here.

Exit codes: 0 ok, 1 faults, 2 usage";

pub(super) const CONFIG_SCHEMA: &str = "\
Example:
  linger config schema > linger.schema.json

With `# yaml-language-server: $schema=linger.schema.json` as its first line, editors complete and judge the file \
while it is written; `linger config check` finds more.

Exit codes: 0 ok, 1 failure";

pub(super) const OUTPUT: &str = "How to print the answer";
