// Static meshes and instances. The material code rides in the normal's fourth byte (see vertex.rs).
struct Surface {
    @builtin(position) clip: vec4<f32>,
    @location(0) position: vec3<f32>,
    @location(1) normal: vec3<f32>,
    @location(2) colour: vec4<f32>,
    @location(3) @interpolate(flat) pick: u32,
    @location(4) @interpolate(flat) material: u32,
};

struct MeshIn {
    @location(0) position: vec3<f32>,
    @location(1) normal: vec4<f32>,
    @location(2) colour: vec4<f32>,
    @location(3) pick: u32,
};

struct InstanceIn {
    @location(4) place: vec4<f32>,      // xyz metres, yaw radians anticlockwise from east
    @location(5) scale: vec4<f32>,      // xyz factors, w = least height on screen in pixels
    @location(6) tint: vec4<f32>,
    @location(7) pick: u32,
};

fn material_of(normal: vec4<f32>) -> u32 {
    return u32(round(max(normal.w, 0.0) * 127.0));
}

fn placed(mesh: MeshIn, instance: InstanceIn) -> vec3<f32> {
    let distance = max(length(instance.place.xyz - frame.eye.xyz), 0.1);
    let pixels = instance.scale.z * frame.eye.w / distance;
    let grow = max(1.0, instance.scale.w / max(pixels, 1e-4));
    let local = mesh.position * instance.scale.xyz * grow;
    let c = cos(instance.place.w);
    let s = sin(instance.place.w);
    return instance.place.xyz + vec3<f32>(c * local.x - s * local.y, s * local.x + c * local.y, local.z);
}

fn turned(normal: vec3<f32>, instance: InstanceIn) -> vec3<f32> {
    let n = normal / max(instance.scale.xyz, vec3<f32>(1e-4));
    let c = cos(instance.place.w);
    let s = sin(instance.place.w);
    return normalize(vec3<f32>(c * n.x - s * n.y, s * n.x + c * n.y, n.z));
}

fn tinted(colour: vec4<f32>, tint: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(linear_from_srgb(mix(colour.rgb, tint.rgb, colour.a)), tint.a);
}

@vertex
fn vs_mesh(in: MeshIn) -> Surface {
    var out: Surface;
    out.clip = frame.view_proj * vec4<f32>(in.position, 1.0);
    out.position = in.position;
    out.normal = in.normal.xyz;
    out.colour = vec4<f32>(linear_from_srgb(in.colour.rgb), in.colour.a);
    out.pick = in.pick;
    out.material = material_of(in.normal);
    return out;
}

@vertex
fn vs_instance(in: MeshIn, instance: InstanceIn) -> Surface {
    var out: Surface;
    out.position = placed(in, instance);
    out.clip = frame.view_proj * vec4<f32>(out.position, 1.0);
    out.normal = turned(in.normal.xyz, instance);
    out.colour = tinted(in.colour, instance.tint);
    out.pick = instance.pick;
    out.material = material_of(in.normal);
    return out;
}

@vertex
fn vs_shadow_mesh(in: MeshIn) -> @builtin(position) vec4<f32> {
    return frame.light_view_proj * vec4<f32>(in.position, 1.0);
}

@vertex
fn vs_shadow_instance(in: MeshIn, instance: InstanceIn) -> @builtin(position) vec4<f32> {
    return frame.light_view_proj * vec4<f32>(placed(in, instance), 1.0);
}

@vertex
fn vs_ground_depth(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    let corner = vec2<f32>(f32(index & 1u), f32(index >> 1u)) * 2.0 - vec2<f32>(1.0);
    return frame.view_proj * vec4<f32>(frame.eye.xy + corner * 60000.0, -0.06, 1.0);
}

@fragment
fn fs_pick(in: Surface) -> @location(0) vec4<f32> {
    // Shade (material 5) lies over things without being one.
    if in.material == 5u { discard; }
    let id = vec4<u32>(in.pick & 255u, (in.pick >> 8u) & 255u, (in.pick >> 16u) & 255u, in.pick >> 24u);
    return vec4<f32>(id) / 255.0;
}

@fragment
fn fs_nothing() -> @location(0) vec4<f32> {
    return vec4<f32>(0.0);
}
