//! Matrix products by cuBLASLt.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::c_void;
use std::fmt::Display;
use std::mem::MaybeUninit;
use std::ptr::from_ref;
use std::sync::Mutex;

use cudarc::cublaslt::{result, sys};
use cudarc::driver::result as driver;

use super::super::driver::{Done, Failure, Product, ProductKind};
use crate::error::{Error, Result};

/// Memory that products may use besides.
const WORKSPACE: usize = 32 << 20;
/// Ways to make a product that are asked for: the first that works is kept, and no time decides, so that the same
/// products have the same bits in every process.
const WAYS: usize = 8;

/// cuBLASLt, and how it makes each product that was asked for before.
#[derive(Debug)]
pub(super) struct Products {
    handle: sys::cublasLtHandle_t,
    workspace: u64,
    /// None where cuBLASLt has no way, as for some products with something beside.
    plans: Mutex<HashMap<Key, Option<Plan>>>,
}

/// What a plan depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    kind: ProductKind,
    rows: usize,
    inputs: usize,
    outputs: usize,
    stride: usize,
    operands_are_bf16: bool,
    result_is_bf16: bool,
    adds: bool,
    /// Whether there is a bias to be added, or sums to be made.
    beside: bool,
    /// Bytes that the addresses of both operands and of the result are multiples of, up to 256.
    alignments: [u32; 3],
}

/// How a product is made.
#[derive(Debug)]
struct Plan {
    product: sys::cublasLtMatmulDesc_t,
    /// Of both operands, in cuBLASLt's order, and of the result.
    layouts: [sys::cublasLtMatrixLayout_t; 3],
    /// The ways that have not failed yet, the one that is used last.
    ways: Vec<sys::cublasLtMatmulAlgo_t>,
}

impl Products {
    /// Opens cuBLASLt in the current context.
    pub fn new() -> Result<Self> {
        let handle = result::create_handle().map_err(|e| failed("opening it", e.0))?;
        // SAFETY: freed by `close` alone.
        let workspace = unsafe { driver::malloc_sync(WORKSPACE) }
            .map_err(|e| failed("its workspace", super::said(e)))?;
        Ok(Self {
            handle,
            workspace,
            plans: Mutex::default(),
        })
    }

    /// Asks for a product in a stream of the current context. Returns whether what is beside it is done too.
    pub fn run(&self, product: &Product, stream: cudarc::driver::sys::CUstream) -> Done<bool> {
        let key = Key::of(product);
        if key.beside && self.try_run(key, product, stream)? {
            return Ok(true);
        }
        let plain = Key {
            beside: false,
            ..key
        };
        match self.try_run(plain, product, stream)? {
            true => Ok(false),
            false => Err(Failure::Other(failed(
                format!("{plain:?}"),
                "no way to make it",
            ))),
        }
    }

    /// Returns whether there was a way.
    fn try_run(
        &self,
        key: Key,
        product: &Product,
        stream: cudarc::driver::sys::CUstream,
    ) -> Done<bool> {
        let mut plans = self
            .plans
            .lock()
            .expect("no thread panicked with the plans");
        let plan = match plans.entry(key) {
            Entry::Occupied(plan) => plan.into_mut(),
            Entry::Vacant(place) => place.insert(match self.new_plan(key) {
                Ok(plan) => Some(plan),
                Err(NOT_SUPPORTED) => None,
                Err(error) => return Err(failure(key, error)),
            }),
        };
        let Some(Plan {
            product: description,
            layouts,
            ways,
        }) = plan
        else {
            return Ok(false);
        };
        if let (true, Some(beside)) = (key.beside, product.beside) {
            // SAFETY: the attribute is an address.
            unsafe {
                result::set_matmul_desc_attribute(
                    *description,
                    sys::cublasLtMatmulDescAttributes_t::CUBLASLT_MATMUL_DESC_BIAS_POINTER,
                    from_ref(&beside).cast(),
                    size_of_val(&beside),
                )
            }
            .map_err(|error| failure(key, error))?;
        }
        let (one, zero) = (1.0f32, 0.0f32);
        let beta = if key.adds { &one } else { &zero };
        let [a, b, c] = [product.a, product.b, product.c].map(|address| address as *mut c_void);
        while let Some(way) = ways.last() {
            // SAFETY: matrices of these sizes, as `Device::product` has checked; the plan and its parts live as
            // long as this. Row by row is what cuBLASLt calls the transpose column by column: cᵀ = bᵀ aᵀ.
            let made = unsafe {
                result::matmul(
                    self.handle,
                    *description,
                    from_ref(&one).cast(),
                    from_ref(beta).cast(),
                    b,
                    layouts[0],
                    a,
                    layouts[1],
                    c,
                    layouts[2],
                    c,
                    layouts[2],
                    way,
                    self.workspace as *mut c_void,
                    WORKSPACE,
                    stream.cast(),
                )
            };
            match made {
                Ok(()) => return Ok(true),
                // Refused before anything ran: there may be another way.
                Err(NOT_SUPPORTED | INVALID_VALUE) if ways.len() > 1 || key.beside => {
                    ways.pop();
                }
                Err(error) => return Err(failure(key, error)),
            }
        }
        Ok(false)
    }

    fn new_plan(&self, key: Key) -> Result<Plan, result::CublasError> {
        use sys::cublasLtMatmulDescAttributes_t::{
            CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_MATMUL_DESC_TRANSA, CUBLASLT_MATMUL_DESC_TRANSB,
        };
        use sys::cublasLtMatmulPreferenceAttributes_t as Preference;
        let element = |is_bf16: bool| match is_bf16 {
            true => sys::cudaDataType_t::CUDA_R_16BF,
            false => sys::cudaDataType_t::CUDA_R_32F,
        };
        let Key {
            kind,
            rows,
            inputs,
            outputs,
            stride,
            ..
        } = key;
        // Column by column: as many rows as the matrix has columns row by row, and how far columns are apart.
        let (x, w, y) = (
            (inputs, rows, inputs),
            (inputs, outputs, inputs),
            (outputs, rows, stride),
        );
        let (first, second, to) = match kind {
            ProductKind::Forward => (w, x, y),
            ProductKind::InputGradient => (w, y, x),
            ProductKind::WeightGradient => (x, y, w),
        };
        let transposed = [
            kind == ProductKind::Forward,
            kind == ProductKind::WeightGradient,
        ];
        let product = result::create_matmul_desc(
            sys::cublasComputeType_t::CUBLAS_COMPUTE_32F,
            sys::cudaDataType_t::CUDA_R_32F,
        )?;
        for (attribute, transposed) in [CUBLASLT_MATMUL_DESC_TRANSA, CUBLASLT_MATMUL_DESC_TRANSB]
            .into_iter()
            .zip(transposed)
        {
            // CUBLAS_OP_T and CUBLAS_OP_N.
            let operation = i32::from(transposed);
            // SAFETY: the attribute is an enumeration of this size.
            unsafe {
                result::set_matmul_desc_attribute(
                    product,
                    attribute,
                    from_ref(&operation).cast(),
                    size_of_val(&operation),
                )?;
            }
        }
        if key.beside {
            let epilogue = match kind {
                ProductKind::Forward => sys::cublasLtEpilogue_t::CUBLASLT_EPILOGUE_BIAS,
                // dy is the second operand, whose columns' sums are wanted.
                _ => sys::cublasLtEpilogue_t::CUBLASLT_EPILOGUE_BGRADB,
            };
            // SAFETY: as above.
            unsafe {
                result::set_matmul_desc_attribute(
                    product,
                    CUBLASLT_MATMUL_DESC_EPILOGUE,
                    from_ref(&epilogue).cast(),
                    size_of_val(&epilogue),
                )?;
            }
        }
        let layout = |(rows, columns, apart): (usize, usize, usize), is_bf16: bool| {
            let apart = apart as i64;
            result::create_matrix_layout(element(is_bf16), rows as u64, columns as u64, apart)
        };
        let layouts = [
            layout(first, key.operands_are_bf16)?,
            layout(second, key.operands_are_bf16)?,
            layout(to, key.result_is_bf16)?,
        ];
        let preference = result::create_matmul_pref()?;
        let [a, b, c] = key.alignments;
        // SAFETY: attributes of these sizes, of handles that were just made.
        let found = unsafe {
            result::set_matmul_pref_attribute(
                preference,
                Preference::CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                from_ref(&WORKSPACE).cast(),
                size_of_val(&WORKSPACE),
            )?;
            for (attribute, alignment) in [
                (Preference::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, b),
                (Preference::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, a),
                (Preference::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, c),
                (Preference::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, c),
            ] {
                result::set_matmul_pref_attribute(
                    preference,
                    attribute,
                    from_ref(&alignment).cast(),
                    size_of_val(&alignment),
                )?;
            }
            if key.result_is_bf16 {
                // A sum that is cut into parts is added up in f32, and then rounded.
                let scheme = sys::cublasLtReductionScheme_t::CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
                let mask = scheme as u32;
                result::set_matmul_pref_attribute(
                    preference,
                    Preference::CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
                    from_ref(&mask).cast(),
                    size_of_val(&mask),
                )?;
            }
            let [first, second, to] = layouts;
            let mut found = [MaybeUninit::uninit(); WAYS];
            let mut count = 0;
            let asked = sys::cublasLtMatmulAlgoGetHeuristic(
                self.handle,
                product,
                first,
                second,
                to,
                to,
                preference,
                WAYS as i32,
                found.as_mut_ptr().cast(),
                &raw mut count,
            );
            result::destroy_matmul_pref(preference)?;
            asked.result()?;
            let count = usize::try_from(count).unwrap_or(0).min(WAYS);
            let found = found[..count].iter().map(|way| way.assume_init());
            found.collect::<Vec<sys::cublasLtMatmulHeuristicResult_t>>()
        };
        let works = found.iter().filter(|way| way.state.result().is_ok());
        let ways: Vec<_> = works.map(|way| way.algo).rev().collect();
        match ways.is_empty() {
            true => Err(NOT_SUPPORTED),
            false => Ok(Plan {
                product,
                layouts,
                ways,
            }),
        }
    }

    /// Gives everything back, in the context it was opened in.
    pub fn close(&self) {
        let mut plans = self
            .plans
            .lock()
            .expect("no thread panicked with the plans");
        for plan in plans.drain().filter_map(|(_, plan)| plan) {
            // SAFETY: made by `new_plan`, and forgotten with this. What fails leaks, at the end.
            unsafe {
                let _ = result::destroy_matmul_desc(plan.product);
                for layout in plan.layouts {
                    let _ = result::destroy_matrix_layout(layout);
                }
            }
        }
        // SAFETY: made by `new`; nothing is asked for any more.
        unsafe {
            let _ = result::destroy_handle(self.handle);
            let _ = driver::free_sync(self.workspace);
        }
    }
}

impl Key {
    fn of(product: &Product) -> Self {
        let alignment = |address: u64| 1 << address.trailing_zeros().min(8);
        Self {
            kind: product.kind,
            rows: product.rows,
            inputs: product.inputs,
            outputs: product.outputs,
            stride: product.stride,
            operands_are_bf16: product.operands_are_bf16,
            result_is_bf16: product.result_is_bf16,
            adds: product.adds,
            beside: product.beside.is_some(),
            alignments: [product.a, product.b, product.c].map(alignment),
        }
    }
}

const NOT_SUPPORTED: result::CublasError =
    result::CublasError(sys::cublasStatus_t::CUBLAS_STATUS_NOT_SUPPORTED);
const INVALID_VALUE: result::CublasError =
    result::CublasError(sys::cublasStatus_t::CUBLAS_STATUS_INVALID_VALUE);
const ALLOC_FAILED: result::CublasError =
    result::CublasError(sys::cublasStatus_t::CUBLAS_STATUS_ALLOC_FAILED);

fn failure(key: Key, error: result::CublasError) -> Failure {
    match error {
        ALLOC_FAILED => Failure::Memory(format!("cuBLASLt: {key:?}")),
        error => Failure::Other(failed(format!("{key:?}"), error.0)),
    }
}

fn failed(what: impl Display, said: impl std::fmt::Debug) -> Error {
    Error::failed(format!("cuBLASLt: {what}: {said:?}"))
}
