use proptest::prelude::*;

use super::*;
use crate::space::{Picture, open};

const EXAMPLE: &str = include_str!("../../../examples/own_space.toml");

fn refused(text: &str) -> String {
    entry_of("mine.toml", text).map_or_else(|error| error.to_string(), |_| format!("nothing is wrong with {text}"))
}

#[test]
fn spaces_of_naslens_can_be_read() {
    for text in SHIPPED {
        entry_of("a space of naslens", text).unwrap_or_else(|e| panic!("{e}"));
    }
}

#[test]
fn messages_name_line_and_column_and_the_remedy() {
    for (from, to, parts) in [
        ("name = \"stages\"", "nome = \"stages\"", &["no `name`"][..]),
        ("title =", "titel =", &["line 5, column 1", "no key `titel` (did you mean `title`?)"]),
        ("of = [3, 5]", "of = [3, 3]", &["line 14, column", "`3` is there twice"]),
        ("count = 3, join = \",\" }\nkernel", "cuont = 3, join = \",\" }\nkernel", &["did you mean `count`"]),
        ("width[1] <= width[2]", "width[1] < width[0]", &["line 19, column 9", "the space is empty"]),
        ("width[1] <= width[2]", "widht[1] <= width[2]", &["no `widht` (did you mean `width`?)"]),
        (
            "{ op = \"batch_norm\" },\n    { op = \"relu\" },",
            "{ op = \"batchnorm\" },",
            &["line 26, column", "`batch_norm`"],
        ),
        (
            "channels = \"channels\", kernel = \"kernel\", stride",
            "chanels = \"channels\", kernel = 3, stride",
            &["did you mean `channels`"],
        ),
        ("from = \"in\"", "from = \"inn\"", &["no value `inn` here (did you mean `in`?)"]),
        (
            "channels_in * 4\", kernel",
            "channels_in * 4 +\", kernel",
            &["line 46, column 56", "ends where a value is needed"],
        ),
        (
            "{ op = \"add\", from = [\"previous\", \"main\"] }",
            "{ op = \"add\", from = [\"in\", \"main\"] }",
            &["line 40, column 12", "different shapes"],
        ),
        ("w{width}-", "w{width}-{width[0]}", &["2 places for `width[0]`"]),
        ("example = \"w8,16", "example = \"w8,17", &["`17,32", "which is one of 8, 16, 24, 32"]),
        ("example = \"w8,16,32", "example = \"w8,16,8", &["line 7", "stages do not become narrower"]),
        ("repeat = \"depth[stage]\"", "repeat = \"depth[stage] * 100000\"", &["cannot be repeated"]),
        ("[blocks.plain]", "[blocks.relu]", &["`relu` is taken"]),
        ("name = \"\", stride = \"stride\" }", "name = \"\", op = \"plain\" }", &["line 32", "duplicate key"]),
    ] {
        assert!(EXAMPLE.contains(from), "{from}");
        let message = refused(&EXAMPLE.replacen(from, to, 1));
        for part in parts {
            assert!(message.contains(part), "{to}: {message} lacks {part}");
        }
    }
    let endless =
        EXAMPLE.replacen("{ op = \"conv_bn_relu\", name = \"\", stride = \"stride\" }", "{ op = \"plain\" }", 1);
    let endless = endless.replace("1-residual", "1-plain");
    assert!(refused(&endless).contains("does it call itself?"), "{}", refused(&endless));
}

#[test]
fn constrained_spaces_are_counted_and_drawn_uniformly() {
    let space = register("own_space.toml", EXAMPLE).unwrap();
    let space = (space.open)(&SpaceSpec::new(space.name).unwrap()).unwrap();
    // 20 of 64 triples do not fall; 2^3 kernels, 2^3 depths, 3 blocks.
    assert_eq!(space.size(), 20 * 8 * 8 * 3);
    for index in 0..space.size() as u64 {
        let arch = space.at(index).unwrap();
        assert_eq!(space.index_of(&arch), Some(index));
    }
    assert_eq!(space.at(space.size() as u64), None);
    let rng = &mut Stream::new(1);
    let mut drawn = HashMap::new();
    (0..20_000).for_each(|_| *drawn.entry(space.sample(rng).genes()[..3].to_vec()).or_insert(0usize) += 1);
    assert_eq!(drawn.len(), 20);
    // 1,000 of each are expected, with a standard deviation of 31.
    assert!(drawn.values().all(|&n| (850..1150).contains(&n)), "{drawn:?}");
    let text = "w24,16,32-k3,3,3-d1,1,1-plain";
    let message = space.parse(text).unwrap_err().to_string();
    assert!(message.contains("stages do not become narrower"), "{message}");
}

#[test]
fn what_a_network_does_not_depend_on_does_not_count() {
    let space = open("darts:channels=4,cells=3").unwrap();
    let example = space.entry().example;
    // The operations of a node have no order.
    let swapped =
        example.replacen("('sep_conv_3x3', 1), ('skip_connect', 0)", "('skip_connect', 0), ('sep_conv_3x3', 1)", 1);
    let [one, other] = [example, &swapped].map(|text| space.parse(text).unwrap());
    assert!(one != other && space.arch_id(&one) == space.arch_id(&other));
    assert_eq!(space.representative(&one), space.representative(&other));
    let different = space.parse(&example.replacen("'dil_conv_3x3', 2", "'dil_conv_3x3', 1", 1)).unwrap();
    assert_ne!(space.arch_id(&different), space.arch_id(&one));
}

#[test]
fn cells_are_drawn_as_graphs_with_one_input_and_one_output() {
    let space = open("darts:channels=4,cells=3").unwrap();
    let Picture::Cells(cells) = space.picture(&space.parse(space.entry().example).unwrap()) else { panic!() };
    // A normal and a reduction cell: two inputs, four nodes that two edges each lead to, and the concatenation of all.
    assert_eq!(cells.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["nodes", "nodes 2"]);
    for cell in &cells {
        assert_eq!(cell.nodes, ["in", "in 0", "in 1", "2", "3", "4", "5", "out"]);
        assert_eq!(cell.edges.len(), 2 + 8 + 4);
        assert!(cell.live().iter().all(|&live| live));
    }
    let labels = |i: usize| cells[i].edges.iter().map(|e| e.label.as_str()).collect::<Vec<_>>();
    assert!(labels(0).contains(&"sep_conv_3x3") && labels(1).contains(&"max_pool_3x3"));
    let dead = space.parse(&space.entry().example.replace("sep_conv_3x3", "none")).unwrap();
    let Picture::Cells(cells) = space.picture(&dead) else { panic!() };
    assert!(cells[0].edges.iter().any(|edge| edge.label == "none" && !edge.open));
}

#[test]
fn edges_may_depend_on_what_they_read() {
    let text = "name = \"edges\"\n[decisions]\nkeep = [0, 1]\n[graphs.cell]\nnodes = [[{ from = 0, op = \"relu\" }, \
                { from = 0, if = \"keep and channels_in == 3\" }]]\n[network]\nlayers = [{ op = \"cell\" }, \
                { op = \"global_avg_pool\" }, { op = \"linear\", features = \"classes\" }]\n";
    let space = register("edges.toml", text).unwrap();
    let space = (space.open)(&SpaceSpec::new(space.name).unwrap()).unwrap();
    let sums = |text: &str| {
        let network = space.build(&space.parse(text).unwrap(), &Task::classify("3x8x8".parse().unwrap(), 4)).unwrap();
        network.nodes().iter().filter(|n| n.op == crate::network::Op::Add).count()
    };
    assert_eq!((sums("0"), sums("1")), (0, 1));
    let many: Vec<String> = (0..1000).map(|i| i.to_string()).collect();
    let decisions: String = (0..66).map(|i| format!("d{i} = [{}]\n", many.join(", "))).collect();
    assert!(
        refused(&text.replace("keep = [0, 1]\n", &format!("keep = [0, 1]\n{decisions}"))).contains("at most 65,535")
    );
}

#[test]
fn two_spaces_of_one_name_and_images_that_do_not_fit_are_refused() {
    register("own_space.toml", EXAMPLE).unwrap();
    let message =
        register("other.toml", &EXAMPLE.replace("[8, 16, 24, 32]", "[8, 16, 24, 40]").replace("w8,16,32", "w8,16,40"));
    assert!(message.map(|e| e.name).unwrap_err().to_string().contains("give this one another name"));
    let darts = open("darts:channels=4,cells=3").unwrap();
    let arch = darts.parse(darts.entry().example).unwrap();
    let message = darts.build(&arch, &Task::classify("3x31x31".parse().unwrap(), 10)).unwrap_err().to_string();
    assert!(message.contains("3x30x30 and 3x32x32"), "{message}");
    let message = open("darts:channels=0").err().unwrap().to_string();
    assert!(message.contains("darts: ") && message.contains("`channels` of at least 1"), "{message}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    /// Damaged files are refused, or they are spaces; nothing panics.
    #[test]
    fn damaged_files_are_read_or_refused(
        text in prop::sample::select(vec![EXAMPLE, SHIPPED[1]]),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0usize..12, "[a-z0-9{}\\[\\]\"=,' *+-]{0,6}"), 1..4),
    ) {
        let mut text = text.to_owned();
        for (at, length, new) in edits {
            // All of it is ASCII.
            let start = at.index(text.len().max(1)).min(text.len());
            let end = (start + length).min(text.len());
            text.replace_range(start..end, &new);
        }
        let _ = entry_of("damaged.toml", &text).map(|entry| entry.name);
    }
}
