//! The tour: a made assembly from its bytes to a work instruction, things for the kernel, and two people who move a part;
//! with the engine, where it is, the pictures are kept in the folder that `URBIS_PICTURES` names.

use pilots_assembly::{
    Assembly, Checked, Checker, ClashReport, Edit, Limits, Order, Plan, Replica, SequenceReport, Session, check,
    instruction, sequence,
};

use crate::{engine, engine_plan, made};

fn clashes(assembly: &Assembly, name: &str) -> String {
    let limits = Limits { tolerance_mm: 0.1, clearance_mm: 1.0, pairs: Vec::new() };
    let found = Checker::new(assembly, limits.clone()).unwrap().all();
    let report = ClashReport::new(assembly, &limits, &found);
    keep(name, "clash.html", &report.html());
    keep(name, "clash.json", &serde_json::to_string_pretty(&report).unwrap());
    report.table()
}

fn steps(assembly: &Assembly, (plan, checked): (&Plan, &[Checked]), order: Order, name: &str) -> String {
    let report = SequenceReport::new(assembly, plan, checked);
    let page = instruction(assembly, plan, &report, order).unwrap();
    assert_eq!(page.matches("<section><img src=\"data:image/png;base64,").count(), plan.steps.len());
    let json: serde_json::Value = serde_json::to_value(&report).unwrap();
    assert_eq!(json["steps"].as_array().unwrap().len(), plan.steps.len());
    keep(name, "instruction.html", &page);
    keep(name, "sequence.json", &serde_json::to_string_pretty(&report).unwrap());
    report.table()
}

fn keep(name: &str, what: &str, text: &str) {
    if let Some(folder) = std::env::var_os("URBIS_PICTURES").map(std::path::PathBuf::from) {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}-{what}")), text).unwrap();
    }
}

#[test]
fn the_tour() {
    let assembly = made(15);
    let clash = clashes(&assembly, "made");
    let plan = sequence(&assembly, 0.1).unwrap();
    let checked = check(&assembly, &plan, 0.5);
    steps(&assembly, (&plan, &checked), Order::Assembly, "made-back");
    let steps = steps(&assembly, (&plan, &checked), Order::Disassembly, "made");
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
    let (Some(engine), Some((plan, checked))) = (engine(), engine_plan()) else { return };
    let clash = clashes(engine, "engine");
    let steps = steps(engine, (plan, checked), Order::Disassembly, "engine");
    assert!(clash.contains("67 parts") && steps.contains("each checked free of collision"), "{clash}{steps}");
}
