//! A crate that depends on naslens without the program: it links, and screens ten networks.

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use naslens::network::Shape;
    use naslens::pipeline::{RunOptions, ScreenConfig, Selection, screen};

    #[test]
    fn ten_networks_are_screened_through_the_library() -> Result<(), Box<dyn std::error::Error>> {
        let config = ScreenConfig {
            space: "nas-bench-201:channels=4,cells=1".parse()?,
            proxies: ["params", "naswot", "synflow"].map(String::from).to_vec(),
            image: Shape::new(1, 8, 8),
            batch_size: 16,
            ..ScreenConfig::default()
        };
        let out = tempfile::tempdir()?;
        let stop = AtomicBool::new(false);
        let options = RunOptions::new("cpu", Some(1), false, &stop)?;
        let outcome = screen(&config, &Selection::Sample(10), out.path(), &options, &mut |_| ())?;
        assert_eq!(outcome.table.arch.len(), 10);
        assert!(outcome.table.values("naswot").is_some_and(|scores| scores.iter().any(Option::is_some)));
        Ok(())
    }
}
