//! Rate-limit headers over time: no header makes the client panic, wait for more than the windows permit, or stop for good.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| connecteam_onboarding::fuzzing::rate_limit(data));
