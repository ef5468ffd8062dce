//! The renderer on a real adapter: each primitive draws where it should, is picked there, and hides what lies behind it.
//! Without an adapter this is left out, with a word, unless CI is set.

#![expect(clippy::unwrap_used, reason = "a helper of a test that cannot go on says so by failing")]

use glam::{Vec2, Vec3};
use viewer_render::{
    Camera, Detail, FrameInput, Gpu, Instance, Light, Line, Material, MeshData, Picture, Point, Renderer, Stage,
    Vertex, rgb8,
};

const SIZE: u32 = 200;

fn renderer() -> Option<Renderer> {
    match pollster::block_on(Gpu::headless()).and_then(|gpu| Renderer::new(gpu, SIZE, SIZE)) {
        Ok(renderer) => Some(renderer),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "CI must have a graphics adapter: {error}");
            eprintln!("left out: {error}");
            None
        }
    }
}

fn input() -> FrameInput {
    let camera = Camera { eye_m: Vec3::new(0.0, -40.0, 20.0), target_m: Vec3::new(0.0, 0.0, 5.0), fov_rad: 0.8 };
    FrameInput::new(camera, Light::from_sun(Vec3::new(-0.5, -0.6, 0.6)))
}

fn pixel_of(place: Vec3) -> [f32; 2] {
    input().camera.on_screen(place, Vec2::splat(SIZE as f32)).unwrap().to_array()
}

fn at(picture: &Picture, place: Vec3) -> [u8; 4] {
    let [x, y] = pixel_of(place);
    picture.pixel(x as u32, y as u32).unwrap()
}

fn picked(renderer: &mut Renderer, place: Vec3) -> u32 {
    let request = renderer.pick(&input(), pixel_of(place));
    renderer.finish().unwrap();
    request.poll().unwrap().unwrap()
}

/// A square facing south, `half` metres each way around its middle.
fn square(middle: Vec3, half: f32, colour: u32, pick: u32) -> MeshData {
    let mut mesh = MeshData::default();
    let corners = [[-half, -half], [half, -half], [half, half], [-half, half]];
    mesh.quad(corners.map(|[x, z]| {
        let place = middle + Vec3::new(x, 0.0, z);
        Vertex::new(place.to_array(), [0.0, -1.0, 0.0], Material::Plain, colour, pick)
    }));
    mesh
}

#[test]
fn the_nearer_of_two_solids_is_seen_and_picked() {
    let Some(mut renderer) = renderer() else { return };
    let (near, far) = (Vec3::new(0.0, -5.0, 9.0), Vec3::new(0.0, 10.0, 5.0));
    let red = renderer.add_mesh(&square(near, 2.0, rgb8(220, 30, 30), 0x0a0b_0c0d), Stage::Solid).unwrap();
    renderer.add_mesh(&square(far, 9.0, rgb8(30, 60, 220), 7), Stage::Solid).unwrap();
    let picture = renderer.picture(&input(), SIZE, SIZE).unwrap();
    let [r, _, b, _] = at(&picture, near);
    assert!(r > b.saturating_add(40), "red is in front: {r} {b}");
    assert_eq!(picked(&mut renderer, near), 0x0a0b_0c0d, "all four bytes of an id come back");
    assert_eq!(picked(&mut renderer, far + Vec3::new(7.0, 0.0, 5.0)), 7);
    renderer.show_mesh(red, false);
    let picture = renderer.picture(&input(), SIZE, SIZE).unwrap();
    let [r, _, b, _] = at(&picture, near);
    assert!(b > r, "blue is behind: {r} {b}");
}

#[test]
fn compiling_ahead_suits_every_pipeline_of_a_city() {
    let Some(renderer) = renderer() else { return };
    for draft in [true, false] {
        renderer.warm_up(draft);
        renderer.finish().unwrap();
        let reported = renderer.gpu().take_error();
        assert!(reported.is_none(), "{reported:?}");
    }
}

#[test]
fn solids_throw_shadows_on_the_ground() {
    let Some(mut renderer) = renderer() else { return };
    // The light comes from the south-west: the shadow falls to the north-east.
    let shaded = Vec3::new(4.0, 4.8, 0.0);
    let bare = renderer.picture(&input(), SIZE, SIZE).unwrap();
    renderer.add_mesh(&square(Vec3::new(0.0, 0.0, 5.0), 5.0, rgb8(200, 200, 200), 1), Stage::Solid);
    let camera = Camera { eye_m: Vec3::new(30.0, 30.0, 30.0), ..input().camera };
    let from_behind = FrameInput { camera, ..input() };
    let with = renderer.picture(&from_behind, SIZE, SIZE).unwrap();
    let [x, y] = camera.on_screen(shaded, Vec2::splat(SIZE as f32)).unwrap().to_array();
    let dark = with.pixel(x as u32, y as u32).unwrap();
    let light = at(&bare, Vec3::new(-10.0, -12.0, 0.0));
    assert!(u32::from(dark[0]) * 10 < u32::from(light[0]) * 8, "{dark:?} {light:?}");
    // A draft has everything in its place and colour but for the shadows.
    let draft = renderer.picture(&FrameInput { draft: true, ..from_behind }, SIZE, SIZE).unwrap();
    let sunny = draft.pixel(x as u32, y as u32).unwrap();
    assert!(sunny[0].abs_diff(light[0]) < 12, "{sunny:?} {light:?}");
    let at_the_square = camera.on_screen(Vec3::new(0.0, 0.0, 5.0), Vec2::splat(SIZE as f32)).unwrap();
    let of_square =
        |picture: &viewer_render::Picture| picture.pixel(at_the_square.x as u32, at_the_square.y as u32).unwrap()[0];
    assert!(of_square(&draft).abs_diff(of_square(&with)) < 12, "{} {}", of_square(&draft), of_square(&with));
}

#[test]
fn things_below_the_ground_are_hidden_and_flat_things_lie_in_order() {
    let Some(mut renderer) = renderer() else { return };
    renderer.add_mesh(&square(Vec3::new(0.0, 0.0, -6.0), 5.0, rgb8(255, 0, 0), 9), Stage::Solid);
    let flat = |colour: u32, pick: u32| {
        let mut mesh = MeshData::default();
        let corners = [[-4.0, -4.0], [4.0, -4.0], [4.0, 4.0], [-4.0, 4.0]];
        mesh.quad(corners.map(|[x, y]| Vertex::new([x, y, 0.0], [0.0, 0.0, 1.0], Material::Plain, colour, pick)));
        mesh
    };
    renderer.add_mesh(&flat(rgb8(20, 200, 40), 2), Stage::Flat(5));
    renderer.add_mesh(&flat(rgb8(200, 40, 200), 1), Stage::Flat(1));
    let picture = renderer.picture(&input(), SIZE, SIZE).unwrap();
    let [r, g, _, _] = at(&picture, Vec3::ZERO);
    assert!(g > r.saturating_add(40), "order 5 lies over order 1: {r} {g}");
    assert_eq!(picked(&mut renderer, Vec3::ZERO), 2);
    assert_eq!(picked(&mut renderer, Vec3::new(9.0, -9.0, 0.0)), 0, "the ground is nothing");
}

#[test]
fn instances_points_and_lines_are_drawn_and_picked() {
    let Some(mut renderer) = renderer() else { return };
    let mesh = square(Vec3::new(0.0, 0.0, 0.5), 0.5, rgb8(255, 255, 255) & 0x00ff_ffff, 0);
    let shape = renderer.add_shape(&mesh, &mesh);
    let batch = renderer.add_batch(shape, Detail::Fine, false);
    let instance = |x: f32, least_px: f32, pick: u32| Instance {
        position_m: [x, 0.0, 0.0],
        yaw_rad: 0.0,
        scale: [0.01; 3],
        least_px,
        tint: rgb8(0, 0, 0),
        pick,
        padding: [0; 2],
    };
    renderer.fill_batch(batch, &[instance(-6.0, 0.0, 31), instance(6.0, 30.0, 32)]);
    let points = renderer.add_points();
    let place = Vec3::new(0.0, 0.0, 9.0);
    renderer
        .fill_points(points, &[Point { position_m: place.into(), size_px: 16.0, colour: rgb8(255, 30, 20), pick: 33 }]);
    let lines = renderer.add_lines();
    renderer.fill_lines(
        lines,
        &[Line {
            from_m: [-8.0, 0.0, 3.0],
            width_px: 8.0,
            to_m: [8.0, 0.0, 3.0],
            padding: 0.0,
            colour: rgb8(20, 40, 250),
            pick: 34,
        }],
    );
    let picture = renderer.picture(&input(), SIZE, SIZE).unwrap();
    let [r, g, _, _] = at(&picture, place);
    assert!(r > g.saturating_add(60), "the point is red: {r} {g}");
    let [r, _, b, _] = at(&picture, Vec3::new(-1.0, 0.0, 3.0));
    assert!(b > r.saturating_add(60), "the line is blue: {r} {b}");
    assert_eq!(picked(&mut renderer, place), 33);
    assert_eq!(picked(&mut renderer, Vec3::new(-5.0, 0.0, 3.0)), 34);
    assert_eq!(
        picked(&mut renderer, Vec3::new(6.0, 0.0, 1.2)),
        32,
        "a least size on screen keeps small things in sight"
    );
    assert_eq!(picked(&mut renderer, Vec3::new(-6.0, 0.0, 1.2)), 0);
    renderer.show_points(points, false);
    assert_ne!(picked(&mut renderer, place), 33);
    assert!(renderer.gpu().take_error().is_none());
}

#[test]
fn impossible_sizes_are_refused() {
    let Some(mut renderer) = renderer() else { return };
    assert!(renderer.picture(&input(), 0, 10).is_err());
    assert!(renderer.picture(&input(), 10, 1 << 20).is_err());
    assert_eq!(renderer.size_px(), [SIZE, SIZE]);
}
