//! Matrix products by cuBLASLt.

use std::collections::HashMap;
use std::ffi::c_void;
use std::fmt::Display;
use std::ptr::from_ref;
use std::sync::Mutex;

use cudarc::cublaslt::{result, sys};
use cudarc::driver::result as driver;

use super::super::driver::{Product, ProductKind};
use crate::error::{Error, Result};

/// Memory that products may use besides.
const WORKSPACE: usize = 32 << 20;

/// cuBLASLt, and how it makes each product that was asked for before.
#[derive(Debug)]
pub(super) struct Products {
    handle: sys::cublasLtHandle_t,
    workspace: u64,
    plans: Mutex<HashMap<Key, Plan>>,
}

/// What a plan depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    kind: ProductKind,
    rows: usize,
    inputs: usize,
    outputs: usize,
    operands_are_bf16: bool,
    result_is_bf16: bool,
    adds: bool,
    /// Bytes that the addresses of both operands and of the result are multiples of, up to 256.
    alignments: [u32; 3],
}

/// How a product is made.
#[derive(Debug, Clone, Copy)]
struct Plan {
    product: sys::cublasLtMatmulDesc_t,
    /// Of both operands, in cuBLASLt's order, and of the result.
    layouts: [sys::cublasLtMatrixLayout_t; 3],
    algorithm: sys::cublasLtMatmulAlgo_t,
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

    /// Asks for a product in a stream of the current context.
    pub fn run(&self, product: &Product, stream: cudarc::driver::sys::CUstream) -> Result<()> {
        let key = Key::of(product);
        let plan = self.plan(key)?;
        let (one, zero) = (1.0f32, 0.0f32);
        let beta = if key.adds { &one } else { &zero };
        let [a, b, c] = [product.a, product.b, product.c].map(|address| address as *mut c_void);
        // SAFETY: matrices of these sizes, as `Device::product` has checked; the plan and its parts live as
        // long as this. Row by row is what cuBLASLt calls the transpose column by column: cᵀ = bᵀ aᵀ.
        unsafe {
            result::matmul(
                self.handle,
                plan.product,
                from_ref(&one).cast(),
                from_ref(beta).cast(),
                b,
                plan.layouts[0],
                a,
                plan.layouts[1],
                c,
                plan.layouts[2],
                c,
                plan.layouts[2],
                &plan.algorithm,
                self.workspace as *mut c_void,
                WORKSPACE,
                stream.cast(),
            )
        }
        .map_err(|e| failed(format!("{key:?}"), e.0))
    }

    fn plan(&self, key: Key) -> Result<Plan> {
        let mut plans = self
            .plans
            .lock()
            .expect("no thread panicked with the plans");
        if let Some(&plan) = plans.get(&key) {
            return Ok(plan);
        }
        let plan = self
            .new_plan(key)
            .map_err(|e| failed(format!("{key:?}"), e.0))?;
        plans.insert(key, plan);
        Ok(plan)
    }

    fn new_plan(&self, key: Key) -> Result<Plan, result::CublasError> {
        use sys::cublasLtMatmulDescAttributes_t::{
            CUBLASLT_MATMUL_DESC_TRANSA, CUBLASLT_MATMUL_DESC_TRANSB,
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
            ..
        } = key;
        // Column by column: as many rows as the matrix has columns row by row.
        let (x, w, y) = ((inputs, rows), (inputs, outputs), (outputs, rows));
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
        let layout = |(rows, columns): (usize, usize), is_bf16: bool| {
            result::create_matrix_layout(element(is_bf16), rows as u64, columns as u64, rows as i64)
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
            let found = result::get_matmul_algo_heuristic(
                self.handle,
                product,
                first,
                second,
                to,
                to,
                preference,
            );
            result::destroy_matmul_pref(preference)?;
            found?
        };
        Ok(Plan {
            product,
            layouts,
            algorithm: found.algo,
        })
    }

    /// Gives everything back, in the context it was opened in.
    pub fn close(&self) {
        let mut plans = self
            .plans
            .lock()
            .expect("no thread panicked with the plans");
        for (_, plan) in plans.drain() {
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
            operands_are_bf16: product.operands_are_bf16,
            result_is_bf16: product.result_is_bf16,
            adds: product.adds,
            alignments: [product.a, product.b, product.c].map(alignment),
        }
    }
}

fn failed(what: impl Display, said: impl std::fmt::Debug) -> Error {
    Error::failed(format!("cuBLASLt: {what}: {said:?}"))
}
