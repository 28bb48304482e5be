//! Every fault has a name, a message and a next step, and neither the other endpoints nor the other targets feel it;
//! nor does the agent's memory. `tests/soak/faults` prints the table.

use crate::agent::{Agent, free_address};
use crate::doors::{Guarded, Secrets};
use crate::environment::Go;
use crate::service::Service;
use crate::spoiled::{Fault, Spoiled};
use crate::stranger::{self, Manner, Stranger};
use crate::wait;
use linger::report::{CollectorStatus, Status, TargetStatus};
use std::any::Any;
use tempfile::TempDir;

/// What Go's net/http/pprof answers while another CPU profile runs (Go 1.27 net/http/pprof/pprof.go, Profile).
const BUSY: &str = "Could not enable CPU profiling: cpu profiling already in use\n";
/// And where the profile would outlast http.Server.WriteTimeout (Go 1.22, durationExceedsWriteTimeout).
const TOO_LONG: &str = "profile duration exceeds server's WriteTimeout\n";

const HEAP: &str = "/debug/pprof/heap";
const GOROUTINE: &str = "/debug/pprof/goroutine";
const CPU: &str = "/debug/pprof/profile";

/// Slower than elsewhere: there are some forty targets, and most answer badly.
const TIME_SCALE: u32 = 20;

/// What the agent may take at its peak with all of these at once: the budget for an agent beside one service. Some fifty
/// targets alone take 36 MiB of it, most of that the store's.
const PEAK_RSS_MIB_MAX: u64 = 48;

/// One fault of one target.
struct Case {
    name: String,
    /// Shown in the table.
    fault: String,
    url: String,
    /// More of the target's entry in the configuration.
    access: String,
    collector: &'static str,
    state: &'static str,
    /// Part of the message.
    says: &'static str,
    /// What it needs to run.
    _kept: Box<dyn Any>,
}

impl Case {
    fn new(
        fault: &str,
        url: String,
        collector: &'static str,
        state: &'static str,
        says: &'static str,
    ) -> Self {
        let slug = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        Self {
            name: fault.chars().map(slug).collect(),
            fault: fault.to_owned(),
            url,
            access: String::new(),
            collector,
            state,
            says,
            _kept: Box::new(()),
        }
    }

    fn with(self, access: impl Into<String>) -> Self {
        Self { access: access.into(), ..self }
    }

    fn keeping(self, kept: impl Any) -> Self {
        Self { _kept: Box::new(kept), ..self }
    }

    /// Whether the fault is of one endpoint, so that the target's others go on.
    fn spares_neighbours(&self) -> bool {
        self.collector != "count"
    }
}

/// One endpoint of a real service is spoiled.
fn spoiled(service: &Service) -> Vec<Case> {
    let table: &[(&str, &'static str, &'static str, Fault, &'static str, &'static str)] = &[
        (
            "net/http/pprof not imported",
            "heap",
            HEAP,
            Fault::Status(404, "404 page not found\n"),
            "unsupported",
            "404",
        ),
        ("server error", "heap", HEAP, Fault::Status(500, "out of order\n"), "server error", "out of order"),
        ("HTML instead of a profile", "heap", HEAP, Fault::Html, "not pprof", "HTML"),
        ("JSON instead of a profile", "goroutine", GOROUTINE, Fault::Json, "not pprof", "JSON"),
        (
            "another profile",
            "goroutine",
            GOROUTINE,
            Fault::OtherProfile(CPU_SHORT),
            "not pprof",
            "not of goroutines",
        ),
        ("hangs within the body", "heap", HEAP, Fault::HangsMidBody, "timed out", "bytes came"),
        ("accepts and never answers", "heap", HEAP, Fault::Silent, "timed out", "no answer within"),
        ("a byte a second", "heap", HEAP, Fault::Trickles, "timed out", "bytes came"),
        ("announces more than it sends", "heap", HEAP, Fault::LyingLength, "truncated", "broke off after"),
        ("half a profile", "goroutine", GOROUTINE, Fault::TruncatedGzip, "truncated", "gzip"),
        ("1 GiB announced", "heap", HEAP, Fault::Huge, "too large", "announces 1073741824"),
        ("1 GiB unannounced", "heap", HEAP, Fault::HugeUnannounced, "too large", "bytes"),
        ("gzip bomb of 1 GiB", "goroutine", GOROUTINE, Fault::GzipBomb, "too large inflated", "decompressed"),
        ("headers without end", "heap", HEAP, Fault::EndlessHeaders, "head too large", "headers"),
        ("interim answers without end", "heap", HEAP, Fault::EndlessInterim, "timed out", "no answer within"),
        ("redirect elsewhere", "heap", HEAP, Fault::RedirectsAway, "redirected", "http://127.0.0.2:1/"),
        ("hangs up before the answer", "heap", HEAP, Fault::Closes, "reset", "without an answer"),
        ("CPU profiler busy", "cpu", CPU, Fault::Status(500, BUSY), "busy", "already in use"),
        (
            "window above WriteTimeout",
            "cpu",
            CPU,
            Fault::Status(400, TOO_LONG),
            "window too long",
            "WriteTimeout",
        ),
        (
            "wants credentials",
            "heap",
            HEAP,
            Fault::Status(401, "who?\n"),
            "unauthorized",
            "no credentials were sent",
        ),
        ("forbidden", "heap", HEAP, Fault::Status(403, "not you\n"), "forbidden", "not you"),
    ];
    table
        .iter()
        .map(|&(name, collector, path, fault, state, says)| {
            let proxy = Spoiled::start(service.address, path, fault);
            Case::new(name, proxy.url(), collector, state, says).keeping(proxy)
        })
        .collect()
}

/// A real profile that is not of goroutines, and is at hand at once.
const CPU_SHORT: &str = "/debug/pprof/allocs";

/// Something else, or nobody, is where a service was expected.
fn strangers(folder: &TempDir) -> Vec<Case> {
    let stranger = |name, scheme: &str, manner, state, says| {
        let stranger = Stranger::start(manner);
        Case::new(name, format!("{scheme}://{}", stranger.address()), "count", state, says).keeping(stranger)
    };
    let socket = |name: &str| format!("unix://{}", folder.path().join(name).display());
    let deserted = folder.path().join("deserted.sock");
    drop(std::os::unix::net::UnixListener::bind(&deserted).expect("a socket can be bound"));
    vec![
        stranger("an SSH server", "http", stranger::SSH, "not http", "SSH-2.0"),
        stranger("a gRPC port", "http", stranger::GRPC, "not http", "HTTP/2"),
        stranger("a TLS alert", "http", stranger::TLS_ALERT, "speaks tls", "TLS"),
        stranger("an SSH server asked for TLS", "https", stranger::SSH, "not http", "SSH-2.0"),
        stranger("silent from the start", "http", Manner::Silent, "timed out", "no answer within"),
        stranger("hangs up at once", "http", Manner::HangsUp, "reset", "connected, then"),
        stranger("reset within the body", "http", Manner::ResetsMidBody, "truncated", "connection reset"),
        Case::new(
            "nobody listens",
            format!("http://{}", free_address()),
            "count",
            "refused",
            "connection refused",
        ),
        Case::new(
            "unknown name",
            "http://no-such-host.invalid:6060".into(),
            "count",
            "unresolved",
            "no-such-host.invalid",
        ),
        Case::new("socket missing", socket("missing.sock"), "count", "socket missing", "no such socket"),
        Case::new("socket deserted", socket("deserted.sock"), "count", "refused", "nobody listens on it"),
    ]
}

/// Real Go services whose TLS or credentials do not fit ours.
fn doors(secrets: &Secrets) -> Vec<Case> {
    let ca = format!("ca_file: {}", secrets.file("ca.pem"));
    let tls = |name: &str, certificate: &str, more: &[&str], access: String, state, says| {
        let service = Guarded::tls(secrets, certificate, more);
        let url = format!("https://{}", service.listens);
        Case::new(name, url, "count", state, says).with(access).keeping(service)
    };
    let plain = |name: &str, arguments: &[&str], scheme: &str, access: String, state, says| {
        let service = Guarded::start(arguments);
        let url = format!("{scheme}://{}", service.listens);
        Case::new(name, url, "count", state, says).with(access).keeping(service)
    };
    let config = |more: &str| format!("tls_config: {{{ca}{more}}}");
    let client_ca = secrets.file("ca.pem");
    let pair = |name: &str| {
        format!(
            ", cert_file: {0}, key_file: {1}",
            secrets.file(&format!("{name}.pem")),
            secrets.file(&format!("{name}.key"))
        )
    };
    let token = |file: &str| format!("authorization: {{credentials_file: {}}}", secrets.file(file));
    let basic = |file: &str| format!("basic_auth: {{username: ops, password_file: {}}}", secrets.file(file));
    let (token_file, password_file) = (secrets.file("token"), secrets.file("password"));
    let asks_token: &[&str] = &["-token-file", &token_file];
    let asks_user: &[&str] = &["-user", "ops", "-password-file", &password_file];
    let mtls: &[&str] = &["-client-ca", &client_ca];
    secrets.write("empty", "\n");
    let http_to_tls = {
        let service = Guarded::tls(secrets, "server", &[]);
        let url = format!("http://{}", service.listens);
        Case::new("http to a Go TLS port", url, "count", "speaks tls", "HTTPS server").keeping(service)
    };
    vec![
        tls(
            "certificate of another CA",
            "stranger",
            &[],
            config(""),
            "certificate untrusted",
            "UnknownIssuer",
        ),
        tls("certificate expired", "expired", &[], config(""), "certificate expired", "expired"),
        tls(
            "certificate for another name",
            "elsewhere",
            &[],
            config(""),
            "certificate for another name",
            "elsewhere.test",
        ),
        tls("no client certificate", "server", mtls, config(""), "client certificate wanted", "alert"),
        tls(
            "client certificate of another CA",
            "server",
            mtls,
            config(&pair("stranger")),
            "client certificate wanted",
            "alert",
        ),
        http_to_tls,
        plain("TLS to a plain Go port", &[], "https", config(""), "speaks plain http", "plain HTTP"),
        plain("no token", asks_token, "http", String::new(), "unauthorized", "no credentials were sent"),
        plain("wrong token", asks_token, "http", token("wrong"), "unauthorized", "wrong was sent"),
        plain(
            "wrong password",
            asks_user,
            "http",
            basic("wrong"),
            "unauthorized",
            "user ops and the password",
        ),
        plain(
            "token file empty",
            asks_token,
            "http",
            token("empty"),
            "credentials unreadable",
            "empty: empty",
        ),
    ]
}

/// What must be well throughout: plain, TLS with a client certificate, a unix socket, a token.
fn healthy(secrets: &Secrets, folder: &TempDir) -> Vec<Case> {
    let ca = secrets.file("ca.pem");
    let mtls = Guarded::tls(secrets, "server", &["-client-ca", &ca]);
    let named = Guarded::tls(secrets, "elsewhere", &[]);
    let path = folder.path().join("api.sock");
    let socket = Guarded::on_socket(&path);
    let (token_file, password_file) = (secrets.file("token"), secrets.file("password"));
    let token = Guarded::start(&["-token-file", &token_file]);
    let basic = Guarded::start(&["-user", "ops", "-password-file", &password_file]);
    let client =
        format!("cert_file: {}, key_file: {}", secrets.file("client.pem"), secrets.file("client.key"));
    let well = |name, url, access: String| Case::new(name, url, "count", "ok", "").with(access);
    vec![
        well("mTLS", format!("https://{}", mtls.listens), format!("tls_config: {{ca_file: {ca}, {client}}}"))
            .keeping(mtls),
        well(
            "TLS with server_name",
            format!("https://{}", named.listens),
            format!("tls_config: {{ca_file: {ca}, server_name: elsewhere.test}}"),
        )
        .keeping(named),
        well("unix socket", format!("unix://{}", path.display()), String::new()).keeping(socket),
        well(
            "bearer token",
            format!("http://{}", token.listens),
            format!("authorization: {{credentials_file: {token_file}}}"),
        )
        .keeping(token),
        well(
            "basic auth by name",
            format!("http://localhost:{}", basic.listens.rsplit(':').next().unwrap()),
            format!("basic_auth: {{username: ops, password_file: {password_file}}}"),
        )
        .keeping(basic),
    ]
}

fn configuration(cases: &[&Case]) -> String {
    let target = |c: &&Case| {
        let access = if c.access.is_empty() { String::new() } else { format!("    {}\n", c.access) };
        format!("  - url: {}\n    name: {}\n{access}", c.url, c.name)
    };
    let short = "collectors: {count: {timeout: 2s}, goroutine: {timeout: 3s}, heap: {timeout: 3s}, trace: {enabled: false}}\n";
    format!("{short}targets:\n{}", cases.iter().map(target).collect::<String>())
}

fn named<'a>(status: &'a Status, name: &str) -> &'a TargetStatus {
    status.targets.iter().find(|t| t.target == name).unwrap_or_else(|| panic!("no target {name}"))
}

fn collector<'a>(target: &'a TargetStatus, name: &str) -> &'a CollectorStatus {
    target.collectors.iter().find(|c| c.collector == name).unwrap_or_else(|| panic!("no collector {name}"))
}

/// The last failure's state stands beside the present one: a rest between two attempts hides none.
fn is_named(case: &Case, found: &CollectorStatus) -> bool {
    found.state == case.state
        && found.detail.as_deref().is_some_and(|d| d.contains(case.says))
        && found.next_step.is_some()
}

#[test]
fn each_fault_is_named_and_its_neighbours_are_well() {
    let (folder, secrets) = (TempDir::new().unwrap(), Secrets::make());
    let service = Service::start(Go::Newest, "waits");
    let well = healthy(&secrets, &folder);
    let mut faulty = spoiled(&service);
    faulty.extend(strangers(&folder));
    faulty.extend(doors(&secrets));
    let plain = Case::new("plain", service.url(), "count", "ok", "");
    let all: Vec<&Case> = faulty.iter().chain(&well).chain([&plain]).collect();
    let file = folder.path().join("linger.yaml");
    std::fs::write(&file, configuration(&all)).unwrap();
    let agent = Agent::with(TIME_SCALE, &[], &["--config", &file.display().to_string()]);
    println!("FAULT| fault | collector: state | message | next step | neighbours | peak RSS of the agent |");
    for case in &faulty {
        let (seen, what) =
            wait::until(&format!("{}: {} is {}", case.fault, case.collector, case.state), || {
                let status: Status = agent.ask(&["status"]);
                let found = collector(named(&status, &case.name), case.collector).clone();
                if is_named(case, &found) { Ok((status, found)) } else { Err(found) }
            });
        let neighbours = neighbours(&agent, case);
        println!(
            "FAULT| {} | {}: {} | {} | {} | {neighbours} | {} MiB |",
            case.fault,
            case.collector,
            what.state,
            what.detail.unwrap_or_default().replace('|', "\\|"),
            what.next_step.unwrap_or_default(),
            agent.peak_rss_kib() / 1024
        );
        drop(seen);
    }
    for case in well.iter().chain([&plain]) {
        let found = wait::until(&format!("{} is well", case.name), || {
            let status: Status = agent.ask(&["status"]);
            let target = named(&status, &case.name);
            let all = ["count", "goroutine", "heap"].map(|c| collector(target, c).state.clone());
            if target.up && all.iter().all(|s| s == "ok") { Ok(target.clone()) } else { Err(target.clone()) }
        });
        println!("FAULT| none: {} | up | | | - | {} MiB |", case.fault, agent.peak_rss_kib() / 1024);
        assert!(found.goroutines.is_some(), "{found:?}");
    }

    // Time goes on for the healthy ones while the others fail.
    let newest = || {
        let status: Status = agent.ask(&["status"]);
        named(&status, &plain.name).goroutines.map(|(at, _)| at)
    };
    let before = newest();
    wait::until("the healthy target's count goes on", || {
        let now = newest();
        if now > before { Ok(()) } else { Err(now) }
    });
    let said = [agent.say(&["status"]).out, agent.say(&["status", "-o", "json"]).out, agent.log()].concat();
    assert!(!said.contains("s3cret"), "a secret is shown");
    let peak = agent.peak_rss_kib();
    assert!(peak <= PEAK_RSS_MIB_MAX * 1024, "the agent's peak RSS is {peak} KiB");
}

/// Waits until the other collectors of the target are well, where the fault is of one endpoint.
fn neighbours(agent: &Agent, case: &Case) -> &'static str {
    if !case.spares_neighbours() {
        return "none: the whole target";
    }
    wait::until(&format!("the neighbours of {} under {} are well", case.collector, case.fault), || {
        let status: Status = agent.ask(&["status"]);
        let target = named(&status, &case.name);
        let well = |name: &str| case.collector == name || collector(target, name).state == "ok";
        if target.up && ["count", "goroutine", "heap"].into_iter().all(well) {
            Ok(())
        } else {
            Err(target.clone())
        }
    });
    "ok"
}

#[test]
fn an_exchanged_token_is_taken_up_without_a_restart() {
    let (folder, secrets) = (TempDir::new().unwrap(), Secrets::make());
    let accepted = folder.path().join("accepted");
    std::fs::write(&accepted, "s3cret-token").unwrap();
    let service = Guarded::start(&["-token-file", &accepted.display().to_string()]);
    let file = folder.path().join("linger.yaml");
    let text = format!(
        "targets: [{{url: \"http://{}\", name: api, authorization: {{credentials_file: {}}}}}]\n",
        service.listens,
        secrets.file("token")
    );
    std::fs::write(&file, text).unwrap();
    let agent = Agent::with(TIME_SCALE, &[], &["--config", &file.display().to_string()]);
    let state = |wanted: &str| {
        wait::until(&format!("count is {wanted}"), || {
            let status: Status = agent.ask(&["status"]);
            let found = collector(named(&status, "api"), "count").clone();
            if found.state == wanted { Ok(()) } else { Err(found) }
        });
    };
    state("ok");
    std::fs::write(&accepted, "s3cret-rotated").unwrap();
    state("unauthorized");
    secrets.write("token", "s3cret-rotated\n");
    state("ok");
    std::fs::remove_file(secrets.path("token")).unwrap();
    state("credentials unreadable");
    assert!(!agent.log().contains("s3cret"));
}

#[test]
fn a_look_at_a_guarded_service_takes_the_same_options() {
    let secrets = Secrets::make();
    let (token, ca) = (secrets.file("token"), secrets.file("ca.pem"));
    let service = Guarded::tls(&secrets, "server", &["-token-file", &token]);
    let url = format!("https://{}", service.listens);
    let look = |more: &[&str]| {
        crate::agent::linger(
            &[&["scrape", &url, "--for", "2s", "--ca-file", &ca, "-o", "json"], more].concat(),
        )
    };
    let said = look(&["--token-file", &token]);
    assert_eq!(said.code, 0, "{said:?}");
    let said = look(&[]);
    assert!(said.code == 1 && said.out.contains("unauthorized"), "{said:?}");
}

#[test]
fn a_service_rebuilt_with_another_go_is_a_new_incarnation_without_wild_rates() {
    let mut service = Service::start(Go::Oldest, "defers");
    let url = service.url();
    let agent = Agent::watching(&[&url]);
    let first = wait::until("the incarnation of the first build", || {
        let target = agent.target(&url);
        target.incarnation.filter(|_| target.up).ok_or(target)
    });
    service.ask("/leak?n=500");
    wait::until("the leak is counted", || {
        let target = agent.target(&url);
        if target.goroutines.is_some_and(|(_, n)| n >= 500.0) { Ok(()) } else { Err(target) }
    });
    service.kill();
    let service = Service::start_on(Go::Newest, "defers", service.address);
    wait::until("the incarnation of the second build", || {
        let target = agent.target(&url);
        if target.up && target.incarnation == Some(first + 1) { Ok(()) } else { Err(target) }
    });
    let trend = wait::until("a slope of the second alone", || {
        let trend: linger::report::Trend = agent.ask(&["trend"]);
        let slope = trend.targets[0].total.as_ref().and_then(|t| t.slope_per_hour);
        if slope.is_some() && !trend.targets[0].restarts_ms.is_empty() { Ok(trend) } else { Err(trend) }
    });
    assert_eq!(trend.targets[0].restarts_ms.len(), 1);
    // The second build stands still. A slope across the restart would be that of 500 goroutines in some seconds.
    let slope = trend.targets[0].total.as_ref().and_then(|t| t.slope_per_hour).unwrap();
    assert!(slope.abs() < 100.0 * 60.0, "{slope} an hour on a flat process");
    for counter in ["linger_mallocs_total", "linger_gc_cycles_total"] {
        let query: linger::report::Query = agent.ask(&["query", counter]);
        assert!(query.series.iter().flat_map(|s| &s.points).all(|&(_, v)| v >= 0.0), "{counter}");
    }
    drop(service);
}
