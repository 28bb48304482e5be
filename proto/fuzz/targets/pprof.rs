//! What is accepted must be what prost's own reader holds, and readable to the last frame.
#![no_main]

use libfuzzer_sys::fuzz_target;
use linger_proto::pprof::{decode, wire};
use linger_proto::Limits;
use prost::Message;

fuzz_target!(|body: &[u8]| {
    let Ok(profile) = decode(body, &Limits::default()) else { return };
    let frames: usize = profile.samples().map(|s| s.frames().count() + s.labels().len()).sum();
    std::hint::black_box(frames);
    if !body.starts_with(&[0x1f, 0x8b]) {
        let plain = wire::Profile::decode(body).expect("prost accepts what we accept");
        let values = plain.sample.iter().flat_map(|s| &s.value);
        assert!(profile.samples().flat_map(|s| s.values()).eq(values));
    }
});
