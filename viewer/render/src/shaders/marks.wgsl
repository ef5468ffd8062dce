// Points and lines whose width is in pixels. Needs common.wgsl before it.
struct Mark {
    @builtin(position) clip: vec4<f32>,
    @location(0) local: vec2<f32>,
    @location(1) colour: vec4<f32>,
    @location(2) position: vec3<f32>,
    @location(3) @interpolate(flat) pick: u32,
    @location(4) @interpolate(flat) is_point: u32,
};

fn corner_of(index: u32) -> vec2<f32> {
    return vec2<f32>(f32(index & 1u), f32(index >> 1u)) * 2.0 - vec2<f32>(1.0);
}

@vertex
fn vs_point(
    @builtin(vertex_index) index: u32,
    @location(0) place: vec4<f32>,
    @location(1) colour: vec4<f32>,
    @location(2) pick: u32,
) -> Mark {
    var out: Mark;
    let corner = corner_of(index);
    var clip = frame.view_proj * vec4<f32>(place.xyz, 1.0);
    clip = vec4<f32>(clip.xy + corner * (place.w + 1.0) / frame.viewport.xy * clip.w, clip.z, clip.w);
    out.clip = clip;
    out.local = corner * (place.w + 1.0) / max(place.w, 0.5);
    out.colour = vec4<f32>(linear_from_srgb(colour.rgb), colour.a);
    out.position = place.xyz;
    out.pick = pick;
    out.is_point = 1u;
    return out;
}

@vertex
fn vs_line(
    @builtin(vertex_index) index: u32,
    @location(0) from_width: vec4<f32>,
    @location(1) to_width: vec4<f32>,
    @location(2) colour: vec4<f32>,
    @location(3) pick: u32,
) -> Mark {
    var out: Mark;
    let corner = corner_of(index);
    let a = frame.view_proj * vec4<f32>(from_width.xyz, 1.0);
    let b = frame.view_proj * vec4<f32>(to_width.xyz, 1.0);
    // Behind the eye a direction on screen means nothing: clamp w.
    let on_a = a.xy / max(a.w, 0.05) * frame.viewport.xy;
    let on_b = b.xy / max(b.w, 0.05) * frame.viewport.xy;
    var along = on_b - on_a;
    along = along / max(length(along), 1e-4);
    let across = vec2<f32>(-along.y, along.x) * corner.y * (from_width.w + 1.0);
    let at_end = corner.x > 0.0;
    var clip = select(a, b, at_end);
    clip = vec4<f32>(clip.xy + across / frame.viewport.xy * clip.w, clip.z, clip.w);
    out.clip = clip;
    out.local = vec2<f32>(0.0, corner.y * (from_width.w + 1.0) / max(from_width.w, 0.5));
    out.colour = vec4<f32>(linear_from_srgb(colour.rgb), colour.a);
    out.position = select(from_width.xyz, to_width.xyz, at_end);
    out.pick = pick;
    out.is_point = 0u;
    return out;
}

@fragment
fn fs_mark(in: Mark) -> @location(0) vec4<f32> {
    let soft = fwidth(in.local.x) + fwidth(in.local.y);
    let cover = 1.0 - smoothstep(1.0 - soft, 1.0, length(in.local));
    let colour = highlighted(in.colour.rgb, in.pick);
    return vec4<f32>(finish(fogged(colour * 0.9, in.position)), in.colour.a * cover);
}

@fragment
fn fs_mark_pick(in: Mark) -> @location(0) vec4<f32> {
    if length(in.local) > 1.15 { discard; }
    let id = vec4<u32>(in.pick & 255u, (in.pick >> 8u) & 255u, (in.pick >> 16u) & 255u, in.pick >> 24u);
    return vec4<f32>(id) / 255.0;
}
