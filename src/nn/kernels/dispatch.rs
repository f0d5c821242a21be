//! One source, several instruction sets.
//!
//! [`dispatch!`] compiles a function's body for the baseline of the target, for AVX2
//! with FMA and for AVX-512, and calls the best that the machine has. The body is
//! generic over `const FMA: bool` and says `fma::<FMA>(a, b, c)`: `f32::mul_add`
//! would call the C library wherever the instruction is missing.
//!
//! What a machine computes is the same each time; two machines with different
//! instruction sets may differ in the last bits.

use std::sync::LazyLock;

/// The instruction sets, each containing those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// What every processor of the target has.
    Baseline,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// x86-64 with AVX-512 F, VL, DQ and BW besides.
    Avx512,
}

/// Whether the baseline itself multiplies and adds in one instruction.
pub(crate) const BASELINE_FMA: bool = cfg!(any(target_feature = "fma", target_arch = "aarch64"));

/// The best level of this machine.
#[inline]
pub(crate) fn level() -> Level {
    static LEVEL: LazyLock<Level> = LazyLock::new(detect);
    #[cfg(test)]
    if let Some(forced) = FORCED.get() {
        return forced;
    }
    *LEVEL
}

fn detect() -> Level {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        let wide = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw");
        return if wide { Level::Avx512 } else { Level::Avx2 };
    }
    Level::Baseline
}

/// Compiles functions for every [`Level`]; see the module's documentation.
macro_rules! dispatch {
    ($(
        $(#[$attribute:meta])*
        $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)? $body:block
    )*) => {$(
        $(#[$attribute])*
        $visibility fn $name($($argument: $type),*) $(-> $result)? {
            #[inline(always)]
            fn body<const FMA: bool>($($argument: $type),*) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
            fn avx512($($argument: $type),*) $(-> $result)? {
                body::<true>($($argument),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($argument: $type),*) $(-> $result)? {
                body::<true>($($argument),*)
            }

            match $crate::nn::kernels::dispatch::level() {
                // SAFETY: `level` has found the instructions of these features.
                #[cfg(target_arch = "x86_64")]
                $crate::nn::kernels::dispatch::Level::Avx512 => unsafe { avx512($($argument),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::nn::kernels::dispatch::Level::Avx2 => unsafe { avx2($($argument),*) },
                _ => body::<{ $crate::nn::kernels::dispatch::BASELINE_FMA }>($($argument),*),
            }
        }
    )*};
}

pub(crate) use dispatch;

#[cfg(test)]
thread_local! {
    static FORCED: std::cell::Cell<Option<Level>> = const { std::cell::Cell::new(None) };
}

/// The levels that this machine can run.
#[cfg(test)]
pub(crate) fn levels() -> impl Iterator<Item = Level> {
    let best = detect();
    [Level::Baseline, Level::Avx2, Level::Avx512]
        .into_iter()
        .filter(move |&level| level <= best)
}

/// Runs `work` with the kernels of one level, on this thread.
#[cfg(test)]
pub(crate) fn at_level<R>(level: Level, work: impl FnOnce() -> R) -> R {
    assert!(level <= detect());
    FORCED.set(Some(level));
    let result = work();
    FORCED.set(None);
    result
}
