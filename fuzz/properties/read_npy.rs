//! Any bytes are arrays or an error; an array has as many values as its shape says, and not
//! many more bytes than the file, unless the file is compressed.

use weighbridge_inference::tensor_file::{BYTES_MAX, TensorFile, read_tensors};

pub(crate) fn check(bytes: &[u8]) {
    let tensors = match read_tensors(bytes, "fuzzed.npy") {
        Ok(TensorFile::One(tensor)) => {
            assert!(tensor.view().values.count() <= bytes.len());
            vec![tensor]
        }
        Ok(TensorFile::Named(named)) => named.into_iter().map(|(_, tensor)| tensor).collect(),
        Err(error) => {
            assert!(error.to_string().contains("fuzzed.npy"), "{error}");
            return;
        }
    };
    let mut all = 0;
    for tensor in tensors {
        let values = tensor.view().values.count();
        assert_eq!(values, tensor.shape.iter().product::<usize>());
        assert!(values > 0);
        all += values as u64;
    }
    assert!(all <= BYTES_MAX);
}
