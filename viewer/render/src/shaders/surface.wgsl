// How each material looks. Needs common.wgsl, lit.wgsl and mesh.wgsl before it.
const WALL: u32 = 1u;
const ROOF: u32 = 2u;
const WATER: u32 = 3u;
const GRASS: u32 = 4u;
const SHADE: u32 = 5u;
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

@fragment
fn fs_surface(in: Surface) -> @location(0) vec4<f32> {
    let view = frame.eye.xyz - in.position;
    let distance = length(view);
    let pixel = distance / frame.eye.w;
    var normal = normalize(in.normal);
    // City models turn their faces either way: the side that is seen is the outside.
    if in.material != FOLIAGE && dot(normal, view) < 0.0 { normal = -normal; }
    if in.material == SHADE {
        return vec4<f32>(finish(fogged(vec3<f32>(0.0), in.position)) * 0.35, in.colour.a * exp(-distance * frame.horizon.w));
    }
    var skin: Skin;
    skin.albedo = in.colour.rgb;
    skin.occlusion = 1.0;
    skin.glow = vec3<f32>(0.0);
    if in.material == WALL { skin = wall(in, normal, pixel); }
    if in.material == GRASS {
        let patches = value_noise(in.position.xy / 3.0) * 0.4 + value_noise(in.position.xy / 19.0) * 0.6;
        skin.albedo *= 0.88 + 0.24 * patches * (1.0 - smoothstep(1.0, 12.0, pixel));
    }
    if in.material == FOLIAGE {
        skin.occlusion = 0.66 + 0.34 * normal.z;
        // Light goes through leaves: the shaded side is never dark.
        let through = 0.5 + 0.5 * dot(normal, frame.sun.xyz);
        skin.glow = in.colour.rgb * frame.sun_colour.rgb * through * through * 0.14;
        skin.albedo *= 0.82 + 0.36 * hash3(floor(in.position * 2.6));
    }
    if in.material == GLOW { skin.glow = in.colour.rgb * mix(0.35, 0.9, frame.sun.w); }
    let albedo = highlighted(skin.albedo, in.pick);
    var colour: vec3<f32>;
    if in.material == WATER {
        colour = water(in.position, albedo, normal);
    } else {
        colour = lit(albedo, normal, in.position, skin.occlusion) + skin.glow;
    }
    if in.pick != 0u && in.pick == frame.ids.y { colour += frame.accent.rgb * 0.18; }
    return vec4<f32>(finish(fogged(colour, in.position)), in.colour.a);
}
