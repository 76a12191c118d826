fn main() { let t = tch::Tensor::from_slice(&[1f32,2.,3.]); println!("{:?} cuda={}", t.sum(tch::Kind::Float), tch::Cuda::is_available());
 use ndarray_linalg::*; let a = ndarray::array![[2.,1.],[1.,3.]]; println!("{:?} {:?}", a.eigvalsh(UPLO::Lower), a.det()); }
