//! PSNR and SSIM as `models/evaluation/README.md` defines them.

use weighbridge_inference::Photo;

/// Peak signal-to-noise ratio of two photos of one size in dB, at most 100.
pub(crate) fn psnr(one: &Photo, other: &Photo) -> f64 {
    assert_eq!((one.width(), one.height()), (other.width(), other.height()));
    let squares =
        one.rgb().iter().zip(other.rgb()).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
    let error = squares.sum::<f64>() / one.rgb().len() as f64;
    (10.0 * (255.0_f64.powi(2) / error).log10()).min(100.0)
}

/// A picture of one value a pixel.
struct Plane {
    width: usize,
    values: Vec<f64>,
}

impl Plane {
    fn luma(photo: &Photo) -> Self {
        let luma =
            |p: &[u8]| 0.299 * f64::from(p[0]) + 0.587 * f64::from(p[1]) + 0.114 * f64::from(p[2]);
        Self {
            width: photo.width() as usize,
            values: photo.rgb().chunks_exact(3).map(luma).collect(),
        }
    }

    fn times(&self, other: &Self) -> Self {
        let values = self.values.iter().zip(&other.values).map(|(a, b)| a * b).collect();
        Self { width: self.width, values }
    }

    /// Weighted means over 11 × 11 windows (Gaussian, sigma 1.5) wholly inside the picture.
    fn smooth(&self) -> Vec<f64> {
        let taps: Vec<f64> =
            (-5..=5).map(|x| (-0.5 * (f64::from(x) / 1.5).powi(2)).exp()).collect();
        let total: f64 = taps.iter().sum();
        let weigh = |window: &mut dyn Iterator<Item = f64>| {
            window.zip(&taps).map(|(value, tap)| value * tap / total).sum::<f64>()
        };
        let rows = self.values.chunks_exact(self.width);
        let across: Vec<f64> = rows
            .flat_map(|row| {
                row.windows(11).map(|window| weigh(&mut window.iter().copied())).collect::<Vec<_>>()
            })
            .collect();
        let narrow = self.width - 10;
        let height = across.len() / narrow;
        (0..(height - 10) * narrow)
            .map(|index| weigh(&mut (0..11).map(|row| across[index + row * narrow])))
            .collect()
    }
}

/// Structural similarity of two photos of one size (Wang et al. 2004) on luma.
pub(crate) fn ssim(one: &Photo, other: &Photo) -> f64 {
    let (a, b) = (Plane::luma(one), Plane::luma(other));
    let (mean_a, mean_b) = (a.smooth(), b.smooth());
    let (square_a, square_b, product) =
        (a.times(&a).smooth(), b.times(&b).smooth(), a.times(&b).smooth());
    let (c1, c2) = ((0.01_f64 * 255.0).powi(2), (0.03_f64 * 255.0).powi(2));
    let at = |i: usize| {
        let (ma, mb) = (mean_a[i], mean_b[i]);
        let (va, vb, vab) = (square_a[i] - ma * ma, square_b[i] - mb * mb, product[i] - ma * mb);
        (2.0 * ma * mb + c1) * (2.0 * vab + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2))
    };
    (0..mean_a.len()).map(at).sum::<f64>() / mean_a.len() as f64
}

#[test]
fn equal_photos_are_equal_and_a_known_error_has_its_known_ratio() {
    let photo = |value| Photo::from_rgb(16, 16, vec![value; 16 * 16 * 3]).expect("fits");
    assert_eq!(psnr(&photo(9), &photo(9)), 100.0);
    assert!((ssim(&photo(9), &photo(9)) - 1.0).abs() < 1e-12);
    // An error of 25.5 everywhere would be 20 dB; of 1, it is 20 log10(255).
    assert!((psnr(&photo(9), &photo(10)) - 48.130_803).abs() < 1e-5);
}
