// What every pass shares: the frame's uniform, light, fog, tone. Colours are linear until `finish`.
struct Frame {
    view_proj: mat4x4<f32>,
    // From normalised device coordinates to a direction from the eye.
    to_direction: mat4x4<f32>,
    light_view_proj: mat4x4<f32>,
    eye: vec4<f32>,          // xyz metres; w = pixels that one metre covers at one metre from the eye
    sun: vec4<f32>,          // xyz towards the sun (or the moon); w = night, 0 to 1
    sun_colour: vec4<f32>,   // rgb radiance; w = angular glow of the disc
    zenith: vec4<f32>,       // rgb; w = exposure
    horizon: vec4<f32>,      // rgb; w = fog per metre
    ground: vec4<f32>,       // rgb albedo; w = strength of the grid
    viewport: vec4<f32>,     // width, height in pixels; seconds; shadow softness in texels
    ids: vec4<u32>,          // hovered, selected, -, -
    accent: vec4<f32>,       // rgb of the selection; w = shadow radius in metres
};

@group(0) @binding(0) var<uniform> frame: Frame;

// A draft is the picture without shadows, patterns and clouds: what a software adapter compiles and draws soonest.
override DRAFT: bool = false;

fn linear_from_srgb(c: vec3<f32>) -> vec3<f32> {
    return pow(c, vec3<f32>(2.2));
}

fn hash2(p: vec2<f32>) -> f32 {
    var q = fract(p * vec2<f32>(0.1031, 0.1030));
    q += dot(q, q.yx + vec2<f32>(33.33));
    return fract((q.x + q.y) * q.x);
}

fn hash3(p: vec3<f32>) -> f32 {
    var q = fract(p * vec3<f32>(0.1031, 0.1030, 0.0973));
    q += dot(q, q.yzx + vec3<f32>(33.33));
    return fract((q.x + q.y) * q.z);
}

fn value_noise(p: vec2<f32>) -> f32 {
    let i = floor(p);
    let f = fract(p);
    let u = f * f * (vec2<f32>(3.0) - 2.0 * f);
    let a = hash2(i);
    let b = hash2(i + vec2<f32>(1.0, 0.0));
    let c = hash2(i + vec2<f32>(0.0, 1.0));
    let d = hash2(i + vec2<f32>(1.0, 1.0));
    return mix(mix(a, b, u.x), mix(c, d, u.x), u.y);
}

// The air's colour in a direction, without the sun's disc: also the colour that distance fades into.
fn air(direction: vec3<f32>) -> vec3<f32> {
    let up = max(direction.z, 0.0);
    let toward_sun = max(dot(normalize(vec3<f32>(direction.xy, 0.0) + vec3<f32>(1e-5)), normalize(vec3<f32>(frame.sun.xy, 0.0) + vec3<f32>(1e-5))), 0.0);
    let haze = exp(-up * 8.0);
    var colour = mix(frame.zenith.rgb, frame.horizon.rgb, haze);
    let warm = frame.sun_colour.rgb * frame.sun_colour.w;
    colour += warm * pow(toward_sun, 3.0) * exp(-up * 4.0) * 0.10;
    return colour;
}

fn fogged(colour: vec3<f32>, position: vec3<f32>) -> vec3<f32> {
    let ray = position - frame.eye.xyz;
    let distance = length(ray);
    let amount = 1.0 - exp(-pow(distance * frame.horizon.w, 1.4));
    let direction = ray / max(distance, 1e-3);
    return mix(colour, air(vec3<f32>(direction.xy, max(direction.z, 0.0))), amount);
}

// Narkowicz' fit of the ACES curve, then the sRGB transfer function.
fn finish(colour: vec3<f32>) -> vec3<f32> {
    let x = max(colour * frame.zenith.w, vec3<f32>(0.0));
    let mapped = clamp((x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14), vec3<f32>(0.0), vec3<f32>(1.0));
    let low = mapped * 12.92;
    let high = 1.055 * pow(mapped, vec3<f32>(1.0 / 2.4)) - 0.055;
    return select(high, low, mapped < vec3<f32>(0.0031308));
}

fn highlighted(albedo: vec3<f32>, pick: u32) -> vec3<f32> {
    if pick == 0u { return albedo; }
    if pick == frame.ids.y { return mix(albedo, frame.accent.rgb, 0.72); }
    if pick == frame.ids.x { return mix(albedo, vec3<f32>(1.0, 0.86, 0.62), 0.45) * 1.15; }
    return albedo;
}
