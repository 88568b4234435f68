# Short names for what is done every day. `just` alone lists them.

default:
    @just --list

# Everything that has to hold before a change is taken
ci:
    bash .ci/run

# The whole test suite, or what a filter names: `just test r9`
test *filter:
    cargo test --workspace -- {{filter}}

# Format and warnings, as the checks see them
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings

# Acknowledgement latency, idle cost, restart and commits, from a release build; prints figures and judges nothing
bench:
    cargo run --release -p wilco-tests --bin bench

# Follow-ups with 1k, 100k and 1M pending: a wake-up that finds nothing due, and lateness
bench-followups:
    cargo run --release -p wilco-tests --bin bench-followups

# Switches the safeguards off one by one in a copied tree: the simulation has to notice. `just mutants fence --search`
mutants *names:
    bash tests/mutations/check {{names}}

# Rewrite every file as rustfmt wants it
fmt:
    cargo fmt --all

# The documentation of our own crates, opened in a browser
doc:
    cargo doc --workspace --no-deps --open

# Dependencies, advisories included (fetches their database)
deny:
    cargo deny --log-level error check
