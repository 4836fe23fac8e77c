/** WebSocket close codes that mean something here: those of chat/protocol/close_codes.py, which a test compares. */
export const PROTOCOL = 4400;
export const NOT_SIGNED_IN = 4401;
export const FORBIDDEN = 4403;
export const DRAINING = 4412;
export const FRAME_TOO_BIG = 4413;

/** After these, connecting again would not help. */
export const FINAL = new Set([PROTOCOL, NOT_SIGNED_IN, FORBIDDEN]);
