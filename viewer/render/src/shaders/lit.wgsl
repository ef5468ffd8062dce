// Light on surfaces: the sun with its shadow, and the sky's half-sphere. Needs common.wgsl before it.
@group(1) @binding(0) var shadow_map: texture_depth_2d;
@group(1) @binding(1) var shadow_sampler: sampler_comparison;

fn sunlit(position: vec3<f32>, normal: vec3<f32>) -> f32 {
    if DRAFT { return 1.0; }
    // Leaving the surface along its normal keeps it from shading itself.
    let texel = frame.accent.w / 1024.0;
    let moved = position + normal * texel * 1.6;
    let clip = frame.light_view_proj * vec4<f32>(moved, 1.0);
    let uv = clip.xy * vec2<f32>(0.5, -0.5) + vec2<f32>(0.5);
    let edge = max(abs(clip.x), abs(clip.y));
    if edge >= 1.0 { return 1.0; }
    let step = frame.viewport.w / 2048.0;
    var sum = 0.0;
    // Four samples, each of four texels by the sampler's own filter.
    for (var i = 0; i < 4; i++) {
        let corner = vec2<f32>(f32(i & 1), f32(i >> 1)) * 1.5 - vec2<f32>(0.75);
        sum += textureSampleCompareLevel(shadow_map, shadow_sampler, uv + corner * step, clip.z - 0.0006);
    }
    let outside = smoothstep(0.86, 1.0, edge);
    return mix(sum / 4.0, 1.0, outside);
}

fn lit(albedo: vec3<f32>, normal: vec3<f32>, position: vec3<f32>, occlusion: f32) -> vec3<f32> {
    let facing = max(dot(normal, frame.sun.xyz), 0.0);
    var sun = 0.0;
    if facing > 0.0 { sun = facing * sunlit(position, normal); }
    var sky = mix(frame.zenith.rgb, frame.horizon.rgb, 0.45);
    // A clear sky's full blue in every shade looks cold: eyes adapt to it, and so does this picture.
    let grey = dot(sky, vec3<f32>(0.2126, 0.7152, 0.0722));
    sky = mix(sky, vec3<f32>(1.03, 1.0, 0.98) * grey, 0.62 * (1.0 - frame.sun.w * 0.6));
    let bounce = frame.ground.rgb * (frame.sun_colour.rgb * 0.22 + sky * 0.45);
    let around = mix(bounce, sky, normal.z * 0.5 + 0.5) * occlusion;
    return albedo * (sun * frame.sun_colour.rgb + around);
}
