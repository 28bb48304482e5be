//! `linger config`: check a file, show what is in effect, print the schema; and the one way from a command line to a
//! configuration.

use super::args::{Output, SettingsArgs, ShowArgs};
use super::failure::Failure;
use super::{OK, print, start};
use linger_config::{Config, Error, Layers, Origins, Settings};
use std::path::Path;

/// The configuration of all layers: file, environment, command line.
pub(super) fn load(args: &SettingsArgs, urls: &[String]) -> Result<(Config, Origins), Failure> {
    let flags = Settings {
        config: args.config.clone(),
        listen: args.listen.clone(),
        metrics_listen: args.metrics_listen.clone(),
        data: args.data.clone(),
        targets: urls.to_vec(),
    };
    let environment = Settings::from_environment(|name| std::env::var_os(name));
    linger_config::load(&Layers { environment, flags }).map_err(|e| faulty(&e))
}

/// Reads a file alone and, unless `text_only`, what it names: one sentence about it.
pub(super) fn check(file: &Path, text_only: bool) -> Result<u8, Failure> {
    let flags = Settings { config: Some(file.to_owned()), ..Settings::default() };
    let layers = Layers { flags, ..Layers::default() };
    let (config, origins) = linger_config::load(&layers).map_err(|e| faulty(&e))?;
    let targets = config.targets.len();
    let all = if text_only {
        targets
    } else {
        config.check_files(&origins).map_err(|faults| faulty(&faults.into()))?.len()
    };
    let mut summary = format!("{}: ok, {}", file.display(), count(targets, "target"));
    if !config.file_sd.is_empty() && !text_only {
        summary += &format!(" and {} of file_sd", all - targets);
    }
    summary += &format!(", {}", count(config.alerts.len(), "alert"));
    let defaults = Config::default().alerts.into_iter().map(|alert| alert.name);
    let off: Vec<String> =
        defaults.filter(|name| config.alerts.iter().all(|alert| alert.name != *name)).collect();
    if !off.is_empty() {
        summary += &format!("; defaults it switches off: {}", off.join(", "));
    }
    print::text(&format!("{summary}\n"))?;
    Ok(OK)
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// Prints what an agent would run with.
pub(super) fn show(args: &ShowArgs) -> Result<u8, Failure> {
    let mut settings = args.settings.clone();
    settings.config = args.file.clone().or(settings.config);
    let (mut config, origins) = load(&settings, &[])?;
    // What an agent would choose. Where it could not, it would say so itself.
    config.data = config.data.or_else(|| start::default_data().ok());
    match args.output {
        Output::Table => print::text(&linger_config::to_yaml(&config, &origins))?,
        Output::Json => print::json(&linger_config::to_json(&config, &origins))?,
    }
    Ok(OK)
}

/// Prints the schema of the file.
pub(super) fn schema() -> Result<u8, Failure> {
    print::text(&format!("{:#}\n", linger_config::schema()))?;
    Ok(OK)
}

/// All that is wrong. Where all of it was typed on the command line, that is usage.
pub(super) fn faulty(error: &Error) -> Failure {
    let text = error.to_string();
    // A list of faults begins with the word that every failure is printed with.
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    match error {
        Error::Faulty(faults) if faults.iter().all(|fault| fault.file == "command line") => {
            Failure::usage(text)
        }
        _ => Failure::new(text),
    }
}
