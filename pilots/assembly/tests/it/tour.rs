//! The tour: a made assembly from its bytes to a work instruction, things for the kernel, and two people who move a part;
//! with the engine, where it is, the pictures are kept in the folder that `URBIS_PICTURES` names.

use pilots_assembly::{
    Assembly, Checker, ClashReport, Edit, Limits, Order, Replica, SequenceReport, Session, check, instruction, sequence,
};

use crate::{engine, made};

fn pages(assembly: &Assembly, name: &str) -> (String, String) {
    let limits = Limits { tolerance_mm: 0.1, clearance_mm: 1.0, pairs: Vec::new() };
    let found = Checker::new(assembly, limits.clone()).unwrap().all();
    let clash = ClashReport::new(assembly, &limits, &found);
    let plan = sequence(assembly, 0.1).unwrap();
    let report = SequenceReport::new(assembly, &plan, &check(assembly, &plan, 1.0));
    let steps = instruction(assembly, &plan, &report, Order::Disassembly).unwrap();
    let back = instruction(assembly, &plan, &report, Order::Assembly).unwrap();
    assert_eq!(steps.matches("<section>").count(), plan.steps.len());
    assert_eq!(back.matches("<section>").count(), plan.steps.len());
    let json: serde_json::Value = serde_json::to_value(&report).unwrap();
    assert_eq!(json["steps"].as_array().unwrap().len(), plan.steps.len());
    if let Some(folder) = std::env::var_os("URBIS_PICTURES").map(std::path::PathBuf::from) {
        std::fs::create_dir_all(&folder).unwrap();
        let keep = |what: &str, text: &str| std::fs::write(folder.join(format!("{name}-{what}")), text).unwrap();
        keep("clash.html", &clash.html());
        keep("clash.txt", &clash.table());
        keep("disassembly.html", &steps);
        keep("assembly.html", &back);
        keep("sequence.txt", &report.table());
        keep("sequence.json", &serde_json::to_string_pretty(&report).unwrap());
    }
    (clash.table(), report.table())
}

#[test]
fn the_tour() {
    let assembly = made(15);
    let (clash, steps) = pages(&assembly, "made");
    assert!(clash.starts_with("made.glb: 15 parts") && clash.contains("0 clash"), "{clash}");
    assert!(steps.contains("14 steps, each checked free of collision"), "{steps}");
    let mut session = Session::new(assembly.parts.iter().map(|part| part.id.clone()));
    let (mut ann, mut bo) = (Replica::new("a", "Ann"), Replica::new("b", "Bo"));
    let pose = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 50.0, 0.0];
    session.submit(ann.edit(Edit::Move { part: "cap-0001".to_owned(), pose }), 1).unwrap();
    bo.receive(session.since(0)).unwrap();
    assert_eq!(bo.shown("cap-0001"), Some(&pose));
}

#[test]
fn the_tour_through_the_engine() {
    let Some(engine) = engine() else { return };
    let (clash, steps) = pages(engine, "engine");
    assert!(clash.contains("67 parts") && steps.contains("each checked free of collision"), "{clash}{steps}");
}
