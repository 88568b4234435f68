//! What panics in a simulation is part of what it found, not of what it prints.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    static HEARD: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Takes down the panics of this thread until it is dropped.
pub(super) struct Ear;

impl Ear {
    pub(super) fn open() -> Self {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                let heard = HEARD.with(|heard| match heard.try_borrow_mut() {
                    Ok(mut heard) => heard.as_mut().map(|list| list.push(info.to_string())).is_some(),
                    Err(_) => false,
                });
                if !heard {
                    before(info);
                }
            }));
        });
        HEARD.with(|heard| *heard.borrow_mut() = Some(Vec::new()));
        Self
    }

    /// What panicked, except for the jobs whose plan says so.
    pub(super) fn unplanned(&self) -> Vec<String> {
        let all = HEARD.with(|heard| heard.borrow().clone().unwrap_or_default());
        all.into_iter().filter(|text| !text.contains("panics as planned")).collect()
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        HEARD.with(|heard| *heard.borrow_mut() = None);
    }
}
