//! The commands that read: from options to a question, from its answer to a page.

use super::args::{CheckArgs, DefersArgs, QueryArgs, RangeArgs, ReadArgs, SitesArgs, Subject, TraceListArgs};
use super::failure::Failure;
use super::{CRITICAL, OK, UNKNOWN, moment, print};
use crate::ask::{AskError, Source, ask};
use crate::question::{
    Answer, CheckQuestion, CheckSubject, DefersQuestion, QueryQuestion, Question, SitesQuestion,
    TracesQuestion,
};
use crate::report::{Check, Range, StoreStatus, VERSION};
use crate::show::{self, Clock, Screen};
use linger_config::Access;
use linger_series::Selector;
use std::path::{Path, PathBuf};

/// Where an agent listens unless told otherwise.
const SERVER_DEFAULT: &str = "http://127.0.0.1:6262";

/// The variable that stands for `--server`.
const SERVER_VARIABLE: &str = "LINGER_SERVER";

/// The variable that stands for `--token-file`.
const TOKEN_FILE_VARIABLE: &str = "LINGER_TOKEN_FILE";

pub(super) fn status(args: &ReadArgs) -> Result<u8, Failure> {
    answer(&Question::Status, args, "")
}

pub(super) fn trend(args: &SitesArgs) -> Result<u8, Failure> {
    answer(&Question::Trend(sites(args)?), &args.read, "")
}

pub(super) fn defers(args: &DefersArgs) -> Result<u8, Failure> {
    let SitesQuestion { target, from_ms, to_ms, limit } = sites(&args.sites)?;
    let question = DefersQuestion { target, from_ms, to_ms, limit, site: args.site.clone() };
    answer(&Question::Defers(question), &args.sites.read, "")
}

pub(super) fn query(args: &QueryArgs) -> Result<u8, Failure> {
    Selector::parse(&args.selector).map_err(|e| {
        let hint =
            r#"selectors only, no functions: linger_goroutines_at_site{class="chan send"}, quoted for the shell; growth is stored as linger_goroutine_growth_per_hour"#;
        Failure::usage(e.to_string()).hint(hint)
    })?;
    let Range { from_ms, to_ms } = range(&args.range, &Clock::system())?;
    let question = QueryQuestion { selector: args.selector.clone(), from_ms, to_ms };
    answer(&Question::Query(question), &args.read, &args.selector)
}

pub(super) fn traces(args: &TraceListArgs) -> Result<u8, Failure> {
    answer(&Question::Traces(TracesQuestion { target: args.target.clone() }), &args.read, "")
}

/// Whatever happens, the first line on standard output is a verdict.
pub(super) fn check(args: &CheckArgs) -> Result<u8, Failure> {
    let subject = match args.subject {
        Subject::All => CheckSubject::All,
        Subject::Agent => CheckSubject::Agent,
        Subject::Goroutines => CheckSubject::Goroutines,
        Subject::Defers => CheckSubject::Defers,
    };
    let question = Question::Check(CheckQuestion { subject, target: args.target.clone() });
    let (verdict, answered) = match ask(&source(&args.read), &access(&args.read), &question) {
        Ok(Answer::Check(check)) => (check, true),
        Ok(_) => (unanswered("the answer was to another question", UNKNOWN), false),
        Err(error) => {
            let gone = matches!(error, AskError::NoAgent { .. } | AskError::Connection { .. });
            let code = if gone && subject == CheckSubject::Agent { CRITICAL } else { UNKNOWN };
            let mut verdict = unanswered(&error.to_string(), code);
            verdict.details.extend(error.hint());
            (verdict, false)
        }
    };
    print::report(&verdict, args.read.output, || show::check(&verdict, answered))?;
    Ok(verdict.code.min(UNKNOWN))
}

/// A verdict that rests on no answer.
pub(super) fn unanswered(summary: &str, code: u8) -> Check {
    Check { version: VERSION, code, summary: summary.to_owned(), details: Vec::new(), alerts: Vec::new() }
}

fn answer(question: &Question, args: &ReadArgs, selector: &str) -> Result<u8, Failure> {
    let source = source(args);
    let access = access(args);
    let answer = ask(&source, &access, question)?;
    let screen = print::screen();
    print::report(&answer, args.output, || {
        let history = if show::has_no_points(&answer) { history(&source, &access) } else { None };
        page(&answer, selector, history.as_ref(), &screen)
    })?;
    Ok(OK)
}

/// How far the store reaches. Only to explain an empty answer: without it the page is shorter, not wrong.
fn history(source: &Source, access: &Access) -> Option<StoreStatus> {
    match ask(source, access, &Question::Status) {
        Ok(Answer::Status(status)) => Some(status.store),
        _ => None,
    }
}

fn page(answer: &Answer, selector: &str, history: Option<&StoreStatus>, screen: &Screen) -> String {
    match answer {
        Answer::Status(status) => show::status(status, screen),
        Answer::Trend(trend) => show::trend(trend, history, screen),
        Answer::Defers(defers) => show::defers(defers, history, screen),
        Answer::Query(query) => show::query(query, selector, history, screen),
        Answer::Check(check) => show::check(check, true),
        Answer::Traces(traces) => show::traces(traces, screen),
    }
}

fn sites(args: &SitesArgs) -> Result<SitesQuestion, Failure> {
    let Range { from_ms, to_ms } = range(&args.range, &Clock::system())?;
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    Ok(SitesQuestion { target: args.target.clone(), from_ms, to_ms, limit })
}

fn range(args: &RangeArgs, clock: &Clock) -> Result<Range, Failure> {
    let moment = |option, text: &str| {
        moment::parse(text, clock.now_ms, &clock.zone)
            .map_err(|why| Failure::usage(format!("{option} {text:?}: {why}")))
    };
    let range = Range { from_ms: moment("--from", &args.from)?, to_ms: moment("--to", &args.to)? };
    if range.from_ms > range.to_ms {
        let message = format!("--from {:?} is after --to {:?}", args.from, args.to);
        return Err(Failure::usage(message).hint("a range goes from the earlier time to the later one"));
    }
    Ok(range)
}

/// Who asks. The variable is read here, as the server's is, and by these commands alone: a token for the agent is
/// none for a service.
fn access(args: &ReadArgs) -> Access {
    args.access.access(token_file())
}

/// The file with the token for an agent that the environment names.
pub(super) fn token_file() -> Option<PathBuf> {
    std::env::var_os(TOKEN_FILE_VARIABLE).filter(|v| !v.is_empty()).map(PathBuf::from)
}

fn source(args: &ReadArgs) -> Source {
    source_of(args.data.as_deref(), args.server.as_deref())
}

/// The agent, or the folder of one.
pub(super) fn source_of(data: Option<&Path>, server: Option<&str>) -> Source {
    let variable = std::env::var(SERVER_VARIABLE).ok();
    match (data, server) {
        (Some(dir), _) => Source::Data(dir.to_owned()),
        (None, Some(server)) => Source::Server(server.to_owned()),
        (None, None) => {
            let server = variable.filter(|v| !v.is_empty());
            Source::Server(server.unwrap_or_else(|| SERVER_DEFAULT.to_owned()))
        }
    }
}
