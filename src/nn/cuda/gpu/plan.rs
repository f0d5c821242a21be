//! How cuBLASLt makes a product.

use std::mem::MaybeUninit;
use std::ptr::from_ref;

use cudarc::cublaslt::result::{self, CublasError};
use cudarc::cublaslt::sys;

use super::super::driver::{Product, ProductKind};

/// Memory that products may use besides.
pub(super) const WORKSPACE: usize = 32 << 20;
/// What cuBLASLt says where it has no way.
pub(super) const NOT_SUPPORTED: CublasError =
    CublasError(sys::cublasStatus_t::CUBLAS_STATUS_NOT_SUPPORTED);
/// Ways to make a product that are asked for: the first that works is kept, and no time decides, so that the same
/// products have the same bits in every process.
const WAYS: usize = 8;

/// What a plan depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    kind: ProductKind,
    rows: usize,
    inputs: usize,
    outputs: usize,
    stride: usize,
    operands_are_bf16: bool,
    result_is_bf16: bool,
    pub adds: bool,
    /// Whether there is a bias to be added, or sums to be made.
    pub beside: bool,
    /// Bytes that the addresses of both operands and of the result are multiples of, up to 256.
    alignments: [u32; 3],
}

/// How a product is made.
#[derive(Debug)]
pub(super) struct Plan {
    pub description: sys::cublasLtMatmulDesc_t,
    /// Of both operands, in cuBLASLt's order, and of the result.
    pub layouts: Vec<sys::cublasLtMatrixLayout_t>,
    /// The ways that have not failed yet, the one that is used last.
    pub ways: Vec<sys::cublasLtMatmulAlgo_t>,
}

impl Key {
    pub fn of(product: &Product) -> Self {
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

    /// The same product with nothing beside.
    pub fn without_beside(self) -> Self {
        Self {
            beside: false,
            ..self
        }
    }
}

impl Plan {
    /// What cuBLASLt proposes; `beside` is an address as there will be others.
    pub fn new(
        handle: sys::cublasLtHandle_t,
        key: Key,
        beside: Option<u64>,
    ) -> Result<Self, CublasError> {
        use sys::cublasLtMatmulDescAttributes_t as Attribute;
        let Key {
            kind,
            rows,
            inputs,
            outputs,
            stride,
            ..
        } = key;
        let mut plan = Self {
            description: result::create_matmul_desc(
                sys::cublasComputeType_t::CUBLAS_COMPUTE_32F,
                sys::cudaDataType_t::CUDA_R_32F,
            )?,
            layouts: Vec::with_capacity(3),
            ways: Vec::new(),
        };
        // CUBLAS_OP_T and CUBLAS_OP_N.
        let transposed = [ProductKind::Forward, ProductKind::WeightGradient].map(|of| kind == of);
        let [first, second] = transposed.map(i32::from);
        plan.set(Attribute::CUBLASLT_MATMUL_DESC_TRANSA, &first)?;
        plan.set(Attribute::CUBLASLT_MATMUL_DESC_TRANSB, &second)?;
        if key.beside {
            let epilogue = match kind {
                ProductKind::Forward => sys::cublasLtEpilogue_t::CUBLASLT_EPILOGUE_BIAS,
                // dy is the second operand, whose columns' sums are wanted.
                _ => sys::cublasLtEpilogue_t::CUBLASLT_EPILOGUE_BGRADB,
            };
            plan.set(Attribute::CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue)?;
            plan.put_beside(beside)?;
        }
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
        for ((rows, columns, apart), is_bf16) in [
            (first, key.operands_are_bf16),
            (second, key.operands_are_bf16),
            (to, key.result_is_bf16),
        ] {
            let element = match is_bf16 {
                true => sys::cudaDataType_t::CUDA_R_16BF,
                false => sys::cudaDataType_t::CUDA_R_32F,
            };
            let (rows, columns, apart) = (rows as u64, columns as u64, apart as i64);
            plan.layouts
                .push(result::create_matrix_layout(element, rows, columns, apart)?);
        }
        let preference = result::create_matmul_pref()?;
        let found = plan.ask(handle, key, preference);
        // SAFETY: made above, and used by nothing any more.
        unsafe { result::destroy_matmul_pref(preference) }?;
        plan.ways = found?;
        match plan.ways.is_empty() {
            true => Err(NOT_SUPPORTED),
            false => Ok(plan),
        }
    }

    /// Says where the numbers beside lie.
    pub fn put_beside(&self, beside: Option<u64>) -> Result<(), CublasError> {
        let address = beside.unwrap_or(0);
        let attribute = sys::cublasLtMatmulDescAttributes_t::CUBLASLT_MATMUL_DESC_BIAS_POINTER;
        self.set(attribute, &address)
    }

    fn set<V: Copy>(
        &self,
        attribute: sys::cublasLtMatmulDescAttributes_t,
        value: &V,
    ) -> Result<(), CublasError> {
        let (from, size) = (from_ref(value).cast(), size_of::<V>());
        // SAFETY: attributes are numbers, enumerations and addresses of these sizes, of a description there is.
        unsafe { result::set_matmul_desc_attribute(self.description, attribute, from, size) }
    }

    /// The ways that cuBLASLt has, the best one last.
    fn ask(
        &self,
        handle: sys::cublasLtHandle_t,
        key: Key,
        preference: sys::cublasLtMatmulPreference_t,
    ) -> Result<Vec<sys::cublasLtMatmulAlgo_t>, CublasError> {
        use sys::cublasLtMatmulPreferenceAttributes_t as Preference;
        let set = |attribute, from, size| {
            // SAFETY: attributes of these sizes, of a preference there is.
            unsafe { result::set_matmul_pref_attribute(preference, attribute, from, size) }
        };
        let number = |attribute, value: u32| set(attribute, from_ref(&value).cast(), 4);
        let workspace = Preference::CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES;
        set(
            workspace,
            from_ref(&WORKSPACE).cast(),
            size_of_val(&WORKSPACE),
        )?;
        let [a, b, c] = key.alignments;
        for (attribute, alignment) in [
            (Preference::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, b),
            (Preference::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, a),
            (Preference::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, c),
            (Preference::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, c),
        ] {
            number(attribute, alignment)?;
        }
        if key.result_is_bf16 {
            // A sum that is cut into parts is added up in f32, and then rounded.
            let scheme = sys::cublasLtReductionScheme_t::CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
            let mask = Preference::CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK;
            number(mask, scheme as u32)?;
        }
        let &[first, second, to] = &self.layouts[..] else {
            return Err(NOT_SUPPORTED);
        };
        let mut found = [MaybeUninit::<sys::cublasLtMatmulHeuristicResult_t>::uninit(); WAYS];
        let mut count = 0;
        // SAFETY: a description, layouts and a preference there are, and room for so many results.
        unsafe {
            sys::cublasLtMatmulAlgoGetHeuristic(
                handle,
                self.description,
                first,
                second,
                to,
                to,
                preference,
                WAYS as i32,
                found.as_mut_ptr().cast(),
                &raw mut count,
            )
        }
        .result()?;
        let count = usize::try_from(count).unwrap_or(0).min(WAYS);
        // SAFETY: so many have been written.
        let found = found[..count]
            .iter()
            .map(|way| unsafe { way.assume_init() });
        let works = found.filter(|way| way.state.result().is_ok());
        let mut ways: Vec<_> = works.map(|way| way.algo).collect();
        ways.reverse();
        Ok(ways)
    }
}

impl Drop for Plan {
    fn drop(&mut self) {
        // SAFETY: made by `new`, and forgotten with this; whoever has plans is in their context. What fails leaks.
        unsafe {
            let _ = result::destroy_matmul_desc(self.description);
            for &layout in &self.layouts {
                let _ = result::destroy_matrix_layout(layout);
            }
        }
    }
}
