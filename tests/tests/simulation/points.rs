//! The life on which the table of every crash point with every outcome is built (`sim --points` lives the table).

use std::collections::BTreeSet;

use wilco_sim::Profile;
use wilco_tests::simulation::exhaustive::{full_life, passed};
use wilco_tests::simulation::{report, run};

#[test]
fn the_full_life_passes_every_named_crash_point_and_breaks_nothing() {
    for profile in Profile::ALL {
        let lived = run(&full_life(profile));
        assert!(lived.violations.is_empty(), "{}", report("the full life", &full_life(profile), &lived));
        let passed: BTreeSet<&str> = passed(profile).into_iter().collect();
        let missed: Vec<&&str> = wilco_store::crash::named().iter().filter(|point| !passed.contains(**point)).collect();
        assert!(missed.is_empty(), "a life on {} never passes {missed:?}", profile.name());
    }
}
