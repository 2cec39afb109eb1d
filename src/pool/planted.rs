//! Seams at which the model plants faults in the shipped code, to prove that it would find them.
//!
//! `planted!(Fault)` asks whether that fault is planted. In every build but the model's it is the literal `false`, so that
//! nothing of it is left in what is shipped.

#[cfg(not(all(test, petition_model)))]
macro_rules! planted {
    ($fault:ident) => {
        false
    };
}

#[cfg(all(test, petition_model))]
macro_rules! planted {
    ($fault:ident) => {
        $crate::pool::model::faults::is_planted($crate::pool::model::faults::Fault::$fault)
    };
}

pub(super) use planted;
