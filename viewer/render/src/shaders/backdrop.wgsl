// The full-screen backdrop: sky above the horizon, the endless ground with its fading grid below it.
struct Screen {
    @builtin(position) position: vec4<f32>,
    @location(0) ndc: vec2<f32>,
};

@vertex
fn vs_backdrop(@builtin(vertex_index) index: u32) -> Screen {
    let corner = vec2<f32>(f32((index << 1u) & 2u), f32(index & 2u));
    var out: Screen;
    out.ndc = corner * 2.0 - vec2<f32>(1.0);
    out.position = vec4<f32>(out.ndc, 0.0, 1.0);
    return out;
}

fn clouds(direction: vec3<f32>) -> f32 {
    let p = direction.xy / (direction.z + 0.12) * 1.3;
    var sum = 0.0;
    var amplitude = 0.5;
    var q = p + vec2<f32>(3.7, 1.9);
    for (var i = 0; i < 4; i++) {
        sum += value_noise(q) * amplitude;
        q = q * 2.03 + vec2<f32>(1.7, 9.2);
        amplitude *= 0.5;
    }
    return smoothstep(0.46, 0.82, sum) * smoothstep(0.02, 0.22, direction.z);
}

fn stars(direction: vec3<f32>) -> f32 {
    let cell = floor(direction * 190.0);
    let chance = hash3(cell);
    let offset = length(fract(direction * 190.0) - vec3<f32>(0.5));
    return smoothstep(0.9965, 1.0, chance) * smoothstep(0.45, 0.1, offset) * smoothstep(0.03, 0.3, direction.z);
}

fn sky(direction: vec3<f32>) -> vec3<f32> {
    var colour = air(direction);
    if DRAFT { return colour; }
    let near_sun = max(dot(direction, frame.sun.xyz), 0.0);
    let cover = clouds(direction);
    let bright = mix(frame.horizon.rgb * 1.15, frame.sun_colour.rgb * 0.42, 0.35 + 0.4 * pow(near_sun, 4.0));
    colour = mix(colour, bright, cover * mix(0.55, 0.10, frame.sun.w));
    let glow = pow(near_sun, 350.0) * 1.2 + pow(near_sun, 24.0) * 0.22 * frame.sun_colour.w;
    let disc = smoothstep(0.99988, 0.99996, near_sun) * 14.0;
    colour += frame.sun_colour.rgb * (glow + disc) * (1.0 - 0.7 * cover);
    colour += vec3<f32>(0.7, 0.8, 1.0) * stars(direction) * frame.sun.w * (1.0 - cover) * 0.6;
    return colour;
}

fn grid_line(coordinate: vec2<f32>, spacing: f32, pixel: f32) -> f32 {
    let cell = abs(fract(coordinate / spacing - vec2<f32>(0.5)) - vec2<f32>(0.5)) * spacing;
    let width = max(pixel * 0.7, 0.05);
    let line = vec2<f32>(1.0) - smoothstep(vec2<f32>(width * 0.5), vec2<f32>(width * 1.5), cell);
    return max(line.x, line.y) * (1.0 - smoothstep(spacing * 0.02, spacing * 0.09, pixel));
}

// The ground's patches and grid; `pixel` is the metres that one pixel covers, longer towards the horizon.
fn ground(position: vec3<f32>, pixel: f32) -> vec3<f32> {
    let patches = value_noise(position.xy / 34.0) * 0.5 + value_noise(position.xy / 140.0) * 0.5;
    let earth = frame.ground.rgb * (0.95 + 0.10 * patches * (1.0 - smoothstep(8.0, 60.0, pixel)));
    let fine = grid_line(position.xy, 20.0, pixel) * 0.35;
    let coarse = grid_line(position.xy, 100.0, pixel);
    return mix(earth, earth * 0.80, max(fine, coarse) * frame.ground.w);
}

@fragment
fn fs_backdrop(in: Screen) -> @location(0) vec4<f32> {
    let far = frame.to_direction * vec4<f32>(in.ndc, 1.0, 1.0);
    let direction = normalize(far.xyz / far.w);
    if direction.z > -0.0004 || frame.eye.z <= 0.0 {
        return vec4<f32>(finish(sky(direction)), 1.0);
    }
    let reach = frame.eye.z / -direction.z;
    let position = frame.eye.xyz + direction * reach;
    var albedo = frame.ground.rgb;
    if !DRAFT { albedo = ground(position, reach / frame.eye.w / max(-direction.z, 0.03)); }
    let colour = lit(albedo, vec3<f32>(0.0, 0.0, 1.0), position, 1.0);
    return vec4<f32>(finish(fogged(colour, position)), 1.0);
}
