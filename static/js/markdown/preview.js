/** Needed only by a text that is still being written (late_preview.js). */

import { shownLength } from "./hold.js";
import { LastItem } from "./last_item.js";
import { PlainTail } from "./plain_tail.js";
import { createPreviewParser } from "./preview_parser.js";

export const previewParser = createPreviewParser();

/** @type {typeof LastItem.find} */
export const findLastItem = (...place) => LastItem.find(...place);

/** @type {typeof shownLength} */
export const lengthShown = (text) => shownLength(text);

export const newPlainTail = () => new PlainTail();
