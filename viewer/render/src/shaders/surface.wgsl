// How each material looks, one entry point for each group of materials that are drawn together: a graphics chip keeps fewer
// registers busy, and a software adapter, which runs every branch for every pixel, does a third of the work of one shader for
// all. Needs common.wgsl, lit.wgsl and mesh.wgsl before it.
const WALL: u32 = 1u;
const GRASS: u32 = 4u;
const GLOW: u32 = 6u;
const FOLIAGE: u32 = 7u;

struct Skin {
    albedo: vec3<f32>,
    occlusion: f32,
    glow: vec3<f32>,
};

// Windows as storey bands: 3.2 m storeys, 2.6 m bays, fading out before they would flicker.
fn wall(in: Surface, normal: vec3<f32>, pixel: f32) -> Skin {
    var skin: Skin;
    let along = dot(in.position.xy, vec2<f32>(-normal.y, normal.x));
    let storey = in.position.z / 3.2;
    let bay = along / 2.6;
    let u = abs(fract(bay) - 0.5);
    let v = abs(fract(storey) - 0.52);
    let soft = clamp(pixel / 1.6, 0.02, 0.5);
    let pane = (1.0 - smoothstep(0.30 - soft, 0.30 + soft, u)) * (1.0 - smoothstep(0.27 - soft, 0.27 + soft, v));
    let near = 1.0 - smoothstep(0.5, 1.6, pixel);
    let cell = vec3<f32>(floor(bay), floor(storey), floor(dot(in.position.xy, normal.xy)));
    let chance = hash3(cell + vec3<f32>(17.0, 3.0, 7.0));
    let glass = linear_from_srgb(vec3<f32>(0.42, 0.50, 0.58)) * (0.75 + 0.4 * chance);
    let upright = step(abs(normal.z), 0.25);
    let amount = mix(0.30, pane, near) * upright * 0.62 * smoothstep(0.6, 1.4, in.position.z);
    let band = (1.0 - smoothstep(0.02, 0.05 + soft, abs(fract(storey) - 0.02))) * near * upright * 0.10;
    skin.albedo = mix(in.colour.rgb, glass, amount) * (1.0 - band);
    skin.occlusion = mix(0.50, 1.0, smoothstep(-1.0, 9.0, in.position.z));
    let lit_window = step(0.66, chance) * mix(0.20, pane, near) * upright * frame.sun.w;
    skin.glow = mix(vec3<f32>(1.0, 0.62, 0.26), vec3<f32>(1.0, 0.80, 0.52), fract(chance * 7.0)) * lit_window * 0.55;
    return skin;
}

fn water(position: vec3<f32>, albedo: vec3<f32>, normal: vec3<f32>) -> vec3<f32> {
    let view = normalize(frame.eye.xyz - position);
    let t = frame.viewport.z * 0.25;
    let wave = vec2<f32>(value_noise(position.xy * 0.35 + vec2<f32>(t, 0.0)), value_noise(position.xy * 0.35 + vec2<f32>(40.0, t))) - vec2<f32>(0.5);
    let fade = 1.0 / (1.0 + length(frame.eye.xyz - position) * 0.004);
    let n = normalize(vec3<f32>(wave * 0.16 * fade, 1.0));
    let mirrored = reflect(-view, n);
    let fresnel = 0.16 + 0.74 * pow(1.0 - max(dot(n, view), 0.0), 3.0);
    let glint = pow(max(dot(mirrored, frame.sun.xyz), 0.0), 220.0) * 3.0;
    let shade = sunlit(position, normal);
    let deep = albedo * (frame.zenith.rgb * 0.7 + frame.sun_colour.rgb * 0.22 * shade);
    return mix(deep, air(vec3<f32>(mirrored.xy, abs(mirrored.z))), fresnel) + frame.sun_colour.rgb * glint * shade;
}

fn plain(in: Surface) -> Skin {
    var skin: Skin;
    skin.albedo = in.colour.rgb;
    skin.occlusion = 1.0;
    skin.glow = vec3<f32>(0.0);
    return skin;
}

// City models turn their faces either way: the side that is seen is the outside.
fn outward(in: Surface) -> vec3<f32> {
    let normal = normalize(in.normal);
    return select(normal, -normal, dot(normal, frame.eye.xyz - in.position) < 0.0);
}

// Metres that one pixel covers.
fn pixel_of(in: Surface) -> f32 {
    return length(frame.eye.xyz - in.position) / frame.eye.w;
}

fn shown(in: Surface, colour: vec3<f32>) -> vec4<f32> {
    let chosen = select(0.0, 0.18, in.pick != 0u && in.pick == frame.ids.y);
    return vec4<f32>(finish(fogged(colour + frame.accent.rgb * chosen, in.position)), in.colour.a);
}

fn shown_skin(in: Surface, skin: Skin, normal: vec3<f32>) -> vec4<f32> {
    return shown(in, lit(highlighted(skin.albedo, in.pick), normal, in.position, skin.occlusion) + skin.glow);
}

// Houses, bridges and terrain.
@fragment
fn fs_solid(in: Surface) -> @location(0) vec4<f32> {
    let normal = outward(in);
    var skin = plain(in);
    if !DRAFT && in.material == WALL { skin = wall(in, normal, pixel_of(in)); }
    return shown_skin(in, skin, normal);
}

// Trees, vehicles, people, sensors.
@fragment
fn fs_copy(in: Surface) -> @location(0) vec4<f32> {
    let facing = outward(in);
    let own = normalize(in.normal);
    let normal = select(facing, own, in.material == FOLIAGE);
    var skin = plain(in);
    if in.material == FOLIAGE {
        skin.occlusion = 0.66 + 0.34 * normal.z;
        // Light goes through leaves: the shaded side is never dark.
        let through = 0.5 + 0.5 * dot(normal, frame.sun.xyz);
        skin.glow = in.colour.rgb * frame.sun_colour.rgb * through * through * 0.14;
        if !DRAFT { skin.albedo *= 0.82 + 0.36 * hash3(floor(in.position * 2.6)); }
    }
    if in.material == GLOW { skin.glow = in.colour.rgb * mix(0.35, 0.9, frame.sun.w); }
    return shown_skin(in, skin, normal);
}

// Streets, squares and green on the ground.
@fragment
fn fs_flat(in: Surface) -> @location(0) vec4<f32> {
    var skin = plain(in);
    if !DRAFT && in.material == GRASS {
        let patches = value_noise(in.position.xy / 3.0) * 0.4 + value_noise(in.position.xy / 19.0) * 0.6;
        skin.albedo *= 0.88 + 0.24 * patches * (1.0 - smoothstep(1.0, 12.0, pixel_of(in)));
    }
    return shown_skin(in, skin, outward(in));
}

@fragment
fn fs_water(in: Surface) -> @location(0) vec4<f32> {
    return shown(in, water(in.position, highlighted(in.colour.rgb, in.pick), outward(in)));
}

// What darkens the ground beneath things.
@fragment
fn fs_shade(in: Surface) -> @location(0) vec4<f32> {
    let distance = length(frame.eye.xyz - in.position);
    return vec4<f32>(finish(fogged(vec3<f32>(0.0), in.position)) * 0.35, in.colour.a * exp(-distance * frame.horizon.w));
}
