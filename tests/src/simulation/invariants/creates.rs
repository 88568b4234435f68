//! Invariant 8: nothing is sent blind. Before a message is created a second time under one key, somebody looks
//! whether the first one stands.

use std::collections::BTreeMap;

use wilco_core::{Address, EnvelopeKind};
use wilco_sim::{Logged, Verb};

use super::Found;
use super::ground::Ground;

/// Between two creates under one key that each made a message there is a look-up of that key. Only a call for
/// attention, which carries nothing, may be repeated where nobody can look.
pub(super) fn nothing_is_sent_blind(ground: &Ground<'_>, found: &mut Found) {
    let made: BTreeMap<u64, &str> = ground.evidence.log.iter().filter_map(|entry| made(&entry.what)).collect();
    // How long a platform recognises a key is judged by a clock that somebody has set, once a process has begun since.
    if !ground.facts.steps.is_empty() {
        return;
    }
    let can_look = ground.facts.limits.abilities.look_up;
    // The create of each key that has made a message at an address, with nothing looked up since. Where a route
    // goes on to its next address, what stands at the one before cannot be looked for any more.
    let mut unseen: BTreeMap<(&str, &Address), u64> = BTreeMap::new();
    for called in &ground.calls {
        let Some(key) = called.call.key.as_ref().map(wilco_core::DeliveryKey::as_str) else { continue };
        let key = (key, &called.call.address);
        match called.call.verb {
            Verb::Find => drop(unseen.remove(&key)),
            Verb::Post => {
                let Some(message) = made.get(&called.seq) else { continue };
                let within = |earlier: u64| {
                    // What left while the platform still knew the key, and took effect after that, is the platform's.
                    let window = ground.facts.limits.abilities.nonce_window;
                    let begun = ground.calls.iter().find(|one| one.seq == earlier).map(|one| one.at);
                    window.zip(begun).is_some_and(|(window, begun)| called.at.since(begun) < window)
                };
                if let Some(earlier) = unseen.insert(key, called.seq)
                    && !within(earlier)
                    && (can_look || called.call.kind != Some(EnvelopeKind::Ping))
                {
                    let (kind, seq) = (called.call.kind, called.seq);
                    found.add(
                        8,
                        format!(
                            "{message} ({kind:?}, entry {seq}) was created under the key of {} (entry {earlier}), for \
                             which nobody had looked",
                            made[&earlier]
                        ),
                    );
                }
            }
            Verb::Edit | Verb::Probe | Verb::Status => {}
        }
    }
}

/// The call that made a message, with the message.
fn made(what: &Logged) -> Option<(u64, &str)> {
    if let Logged::Posted { call, message, .. } = what { Some((*call, message.as_str())) } else { None }
}
