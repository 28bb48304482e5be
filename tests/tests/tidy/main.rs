//! The rules of the house, run over the repository as it is.
//!
//! A rule is a function from files or crates to the places that break it. It is tested beside its code against
//! an input that breaks it, and applied here. `git ls-files` says what the repository is, new files included.

mod code;
mod deploy;
mod documents;
mod layers;
mod manifests;
mod repository;
mod shell;
mod source;
mod words;

use repository::Repository;

#[track_caller]
fn none(broken: Vec<String>) {
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn crates_depend_only_downwards() {
    none(layers::edges(&Repository::here().crates));
}

#[test]
fn a_heavy_dependency_lives_in_one_crate() {
    none(layers::heavy(&Repository::here().crates));
}

#[test]
fn versions_and_lints_come_from_the_workspace() {
    none(manifests::inherit(&Repository::here().files));
}

#[test]
fn the_workspace_table_has_no_dependency_nobody_uses() {
    let here = Repository::here();
    none(manifests::unused(&here.files, &here.crates));
}

#[test]
fn locked_dependencies_come_from_one_public_registry() {
    none(manifests::sources(&Repository::here().files));
}

#[test]
fn unsafe_code_is_confined() {
    none(source::unsafe_code(&Repository::here().files));
}

#[test]
fn files_hold_one_subject() {
    none(source::long_files(&Repository::here().files));
}

#[test]
fn files_are_named_after_what_they_hold() {
    none(source::names(&Repository::here().files));
}

#[test]
fn files_open_with_what_they_are_for() {
    none(source::openings(&Repository::here().files));
}

#[test]
fn nothing_is_left_undone_or_switched_off() {
    none(source::unfinished(&Repository::here().files));
}

#[test]
fn the_architecture_names_every_crate() {
    let here = Repository::here();
    none(documents::crates(&here.files, &here.crates));
}

#[test]
fn the_architecture_gives_a_reason_for_every_dependency() {
    none(documents::dependencies(&Repository::here().files));
}

#[test]
fn the_documents_name_every_metric() {
    none(documents::metrics(&Repository::here().files, linger_series::metric::ALL));
}

#[test]
fn no_file_knows_the_machine_it_was_made_on() {
    none(words::machine(&Repository::here().files));
}

#[test]
fn scripts_stop_at_the_first_failure_and_parse() {
    let here = Repository::here();
    none(shell::stops_at_failure(&here.files));
    none(shell::parses(&here.root, &here.files));
}

#[test]
fn every_file_to_deploy_with_is_in_the_table() {
    none(deploy::rows(&Repository::here().files));
}

#[test]
fn images_are_named_by_this_version() {
    none(deploy::versions(&Repository::here().files));
}

#[test]
fn every_proof_of_the_deployment_is_run() {
    none(deploy::proofs(&Repository::here().files));
}
