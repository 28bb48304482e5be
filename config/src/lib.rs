//! One typed configuration: load, validate with all faults at once, show where each value comes from.
//!
//! A configuration has layers ([`load`]): a file, the environment, the command line. A file is read in three steps, one module each: text becomes a tree that knows where everything stands
//! (`tree`), the tree becomes values (each type reads itself through `read`), and whatever is wrong on the way
//! is kept as a [`Fault`] with its line and a caret, so that one run names everything there is to mend.
//!
//! Every key has a default; an empty file is [`Config::default`]. Secrets stay in files of their own, which are not
//! read here. Nothing here opens a socket, resolves a name or looks at the environment by itself.

mod access;
mod alert;
mod bytes;
mod collector;
mod config;
mod credentials;
mod discover;
mod duration;
mod error;
mod excerpt;
mod fault;
mod file_path;
mod file_sd;
mod header;
mod key;
mod layers;
mod listen;
mod nearest;
mod origin;
mod ratio;
mod read;
mod report;
mod retention;
mod scale;
mod show;
mod target;
mod target_url;
mod text_file;
mod tls;
mod tree;

pub use access::Access;
pub use alert::Alert;
pub use bytes::Bytes;
pub use collector::{Collector, CollectorKind, Collectors, Endpoint, Method};
pub use config::{Config, schema};
pub use credentials::Credentials;
pub use duration::Duration;
pub use error::Error;
pub use fault::{Fault, Faults};
pub use file_sd::FileSd;
pub use header::{HeaderValue, check_name as check_header_name};
pub use layers::{Layers, Settings, load};
pub use listen::ListenAddr;
pub use origin::{Origin, Origins};
pub use ratio::Ratio;
pub use read::NotThis;
pub use retention::Retention;
pub use scale::TimeScale;
pub use show::{to_json, to_yaml};
pub use target::Target;
pub use target_url::{Scheme, TargetUrl};
pub use tls::{TlsClient, TlsServer};
