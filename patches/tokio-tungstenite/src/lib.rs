#![doc = "tokio-tungstenite 0.24 under the version that serenity asks for. Its Cargo.toml says why."]

pub use real::*;
