//! The city on screen: layers, camera, labels, picking, from Arrow messages to pictures
