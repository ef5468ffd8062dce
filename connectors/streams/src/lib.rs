//! Live readings to changes: the MQTT broker inside and the client for one outside
