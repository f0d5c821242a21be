//! The product on Intel's matrix unit (AMX), a block of 32 × 32 sums in four of its registers at a time.
//!
//! Of the right operand 1,024 columns and 512 elements of the sums are packed at once (1 MB, for the second
//! cache), of the left one 32 rows (32 KB, for the first); each block of c is read and written once for
//! 512 elements.

use std::arch::asm;
use std::arch::x86_64::__cpuid_count;
use std::cell::RefCell;
use std::sync::LazyLock;

use super::pack::{DEPTH, EXTENT, Side, Tile, pack};
use crate::nn::kernels::operand::Operand;

/// Rows and columns of a block of c.
const BLOCK: usize = 2 * EXTENT;
/// Columns of the right operand that are packed at once.
const COLUMNS: usize = 1024;
/// Elements of the sums that are packed at once.
const SUMMED: usize = 512;

/// Whether processor and system let this process use tiles of bf16.
pub(super) fn is_usable() -> bool {
    static USABLE: LazyLock<bool> = LazyLock::new(|| is_there() && is_permitted());
    *USABLE
}

fn is_there() -> bool {
    const AMX_BF16: u32 = 1 << 22;
    const AMX_TILE: u32 = 1 << 24;
    let features = __cpuid_count(7, 0).edx;
    features & (AMX_BF16 | AMX_TILE) == AMX_BF16 | AMX_TILE
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512bf16")
}

/// Asks Linux for the tiles' state, which a process does not have from the start.
fn is_permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_long = 18;
    // SAFETY: this call takes two numbers and touches no memory of ours.
    let result = unsafe {
        libc::syscall(
            libc::SYS_arch_prctl,
            ARCH_REQ_XCOMP_PERM,
            XFEATURE_XTILEDATA,
        )
    };
    result == 0
}

/// What a thread packs into.
struct Packed {
    left: Vec<[Tile; 2]>,
    right: Vec<[Tile; 2]>,
}

/// c = or += a b; see [`super::product`].
///
/// # Safety
/// [`is_usable`].
pub(super) unsafe fn product(c: &mut [f32], a: Operand<'_>, b: Operand<'_>, accumulate: bool) {
    thread_local! {
        static PACKED: RefCell<Packed> = const {
            RefCell::new(Packed { left: Vec::new(), right: Vec::new() })
        };
    }
    if c.is_empty() {
        return;
    }
    if a.depth == 0 {
        if !accumulate {
            c.fill(0.0);
        }
        return;
    }
    // SAFETY: as this function.
    PACKED.with_borrow_mut(|packed| unsafe {
        configure();
        blocks(c, a, b, accumulate, packed);
        release();
    });
}

/// # Safety
/// [`is_usable`], and the tiles are configured.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn blocks(
    c: &mut [f32],
    a: Operand<'_>,
    b: Operand<'_>,
    accumulate: bool,
    packed: &mut Packed,
) {
    let (m, n, k) = (a.extent, b.extent, a.depth);
    for start in (0..k).step_by(SUMMED) {
        let steps = (k - start).min(SUMMED).div_ceil(DEPTH);
        let adds = accumulate || start > 0;
        packed.left.resize(steps, [Tile::ZERO; 2]);
        for first_column in (0..n).step_by(COLUMNS) {
            let blocks = (n - first_column).min(COLUMNS).div_ceil(BLOCK);
            packed.right.resize(blocks * steps, [Tile::ZERO; 2]);
            // SAFETY: as this function.
            unsafe { pack_right(&b, [first_column, start], steps, &mut packed.right) };
            for row in (0..m).step_by(BLOCK) {
                for (step, pair) in packed.left.iter_mut().enumerate() {
                    for (half, tile) in pair.iter_mut().enumerate() {
                        let (first, start) = (row + half * EXTENT, start + step * DEPTH);
                        // SAFETY: as this function.
                        unsafe { pack(&a, Side::Left, first, start, tile) };
                    }
                }
                let rows = (m - row).min(BLOCK);
                for (block, right) in packed.right.chunks_exact(steps).enumerate() {
                    let column = first_column + block * BLOCK;
                    let columns = (n - column).min(BLOCK);
                    let corner = &mut c[row * n + column..];
                    // SAFETY: as this function; c has `rows` rows of n from this corner on, with `columns`
                    // columns each.
                    unsafe { block_of(corner, n, [rows, columns], &packed.left, right, adds) };
                }
            }
        }
    }
}

/// Packs blocks of 32 columns, `steps` pairs of tiles each, from (column, element) on. Whatever way the operand
/// lies, it is read in the order of memory, by 16 or 32 lines at a time.
///
/// # Safety
/// [`is_usable`].
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn pack_right(
    b: &Operand<'_>,
    [column, start]: [usize; 2],
    steps: usize,
    blocks: &mut [[Tile; 2]],
) {
    let count = blocks.len() / steps;
    let mut pack = |block: usize, half: usize, step: usize| {
        let first = column + block * BLOCK + half * EXTENT;
        let tile = &mut blocks[block * steps + step][half];
        // SAFETY: as this function.
        unsafe { pack(b, Side::Right, first, start + step * DEPTH, tile) };
    };
    if b.along == 1 {
        for (block, half) in (0..count).flat_map(|block| [(block, 0), (block, 1)]) {
            (0..steps).for_each(|step| pack(block, half, step));
        }
    } else {
        for (step, block) in (0..steps).flat_map(|step| (0..count).map(move |block| (step, block)))
        {
            pack(block, 0, step);
            pack(block, 1, step);
        }
    }
}

/// One block of c, rows `stride` floats apart; one at the edge by way of a whole one.
///
/// # Safety
/// [`is_usable`], and the tiles are configured.
unsafe fn block_of(
    c: &mut [f32],
    stride: usize,
    [rows, columns]: [usize; 2],
    left: &[[Tile; 2]],
    right: &[[Tile; 2]],
    adds: bool,
) {
    if [rows, columns] == [BLOCK, BLOCK] {
        assert!(c.len() >= (BLOCK - 1) * stride + BLOCK, "a whole block");
        // SAFETY: as this function; the block lies within c.
        unsafe { multiply(c.as_mut_ptr(), stride, left, right, adds) };
        return;
    }
    let mut whole = [0.0; BLOCK * BLOCK];
    if adds {
        for (row, whole) in whole.chunks_exact_mut(BLOCK).take(rows).enumerate() {
            whole[..columns].copy_from_slice(&c[row * stride..][..columns]);
        }
    }
    // SAFETY: as this function.
    unsafe { multiply(whole.as_mut_ptr(), BLOCK, left, right, adds) };
    for (row, whole) in whole.chunks_exact(BLOCK).take(rows).enumerate() {
        c[row * stride..][..columns].copy_from_slice(&whole[..columns]);
    }
}

/// Multiplies packed operands into a whole block of c.
///
/// # Safety
/// [`is_usable`], and the tiles are configured; c has 32 rows of 32 floats, `stride` floats apart.
unsafe fn multiply(
    c: *mut f32,
    stride: usize,
    left: &[[Tile; 2]],
    right: &[[Tile; 2]],
    adds: bool,
) {
    assert_eq!(left.len(), right.len(), "sums of one length");
    assert!(!left.is_empty());
    let lower = c.wrapping_add(EXTENT * stride);
    // SAFETY: the four tiles of c lie in its 32 rows and columns, the loop reads two pairs of tiles, 2 KB
    // each, for every step, and the registers are said to be clobbered.
    unsafe {
        asm!(
            "test {adds:e}, {adds:e}",
            "jz 2f",
            "tileloadd tmm0, [{c} + {stride}]",
            "tileloadd tmm1, [{c} + {stride} + 64]",
            "tileloadd tmm2, [{lower} + {stride}]",
            "tileloadd tmm3, [{lower} + {stride} + 64]",
            "jmp 3f",
            "2:",
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "3:",
            "tileloadd tmm4, [{left} + {line}]",
            "tileloadd tmm6, [{right} + {line}]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tileloadd tmm7, [{right} + {line} + 1024]",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tileloadd tmm5, [{left} + {line} + 1024]",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "add {left}, 2048",
            "add {right}, 2048",
            "dec {steps}",
            "jnz 3b",
            "tilestored [{c} + {stride}], tmm0",
            "tilestored [{c} + {stride} + 64], tmm1",
            "tilestored [{lower} + {stride}], tmm2",
            "tilestored [{lower} + {stride} + 64], tmm3",
            adds = in(reg) u32::from(adds),
            c = in(reg) c,
            lower = in(reg) lower,
            stride = in(reg) stride * size_of::<f32>(),
            line = in(reg) 64usize,
            left = inout(reg) left.as_ptr() => _,
            right = inout(reg) right.as_ptr() => _,
            steps = inout(reg) left.len() => _,
            out("tmm0") _,
            out("tmm1") _,
            out("tmm2") _,
            out("tmm3") _,
            out("tmm4") _,
            out("tmm5") _,
            out("tmm6") _,
            out("tmm7") _,
            options(nostack),
        );
    }
}

/// Makes all eight tiles 16 lines of 64 bytes.
///
/// # Safety
/// [`is_usable`].
unsafe fn configure() {
    /// The layout that `ldtilecfg` reads.
    #[repr(C, align(64))]
    struct Configuration {
        palette: u8,
        start_row: u8,
        reserved: [u8; 14],
        line_bytes: [u16; 16],
        lines: [u8; 16],
    }
    const WHOLE: Configuration = {
        let mut whole = Configuration {
            palette: 1,
            start_row: 0,
            reserved: [0; 14],
            line_bytes: [0; 16],
            lines: [0; 16],
        };
        let mut tile = 0;
        while tile < 8 {
            whole.line_bytes[tile] = 64;
            whole.lines[tile] = EXTENT as u8;
            tile += 1;
        }
        whole
    };
    static CONFIGURATION: Configuration = WHOLE;
    // SAFETY: it reads the 64 bytes of a valid configuration.
    unsafe {
        asm!("ldtilecfg [{}]", in(reg) &raw const CONFIGURATION, options(nostack, readonly));
    }
}

/// Gives the tiles back, so that a switch of threads need not save them.
///
/// # Safety
/// [`is_usable`].
unsafe fn release() {
    // SAFETY: nobody uses the tiles any more.
    unsafe {
        asm!("tilerelease", options(nostack, nomem));
    }
}
