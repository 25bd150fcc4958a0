//! What the kernels of ONNX Runtime (MLAS) pick on this processor.
//!
//! The library does not say; its kernels are chosen by processor features in this order
//! (`MLAS_PLATFORM` in onnxruntime/core/mlas/lib/platform.cpp, 1.23 to 1.31). It deliberately
//! knows nothing of the library that is loaded.

/// Names the float kernels, and after `+` what int8 kernels use beside them.
#[must_use]
pub fn instruction_set() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        let avx512 = is_x86_feature_detected!("avx512f");
        let avx512_core = avx512
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        // AMX serves int8 only, and the kernel must have granted the tile registers, which a
        // process cannot see without asking for them: not claimed here.
        if avx512_core && is_x86_feature_detected!("avx512vnni") {
            return "avx512+vnni";
        }
        if avx512 {
            return "avx512f";
        }
        if avx2 && is_x86_feature_detected!("avxvnni") {
            return "avx2+avxvnni";
        }
        if avx2 {
            return "avx2+fma";
        }
        if is_x86_feature_detected!("avx") {
            return "avx";
        }
        "sse2"
    }
    #[cfg(target_arch = "aarch64")]
    {
        let dot = std::arch::is_aarch64_feature_detected!("dotprod");
        let int8 = std::arch::is_aarch64_feature_detected!("i8mm");
        match (dot, int8) {
            (_, true) => "neon+i8mm",
            (true, false) => "neon+dotprod",
            (false, false) => "neon",
        }
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        "generic"
    }
}
