// Requests to the coordinator, with the token of the link that the page was opened with.
import { tokenIn } from '../../../shared/join-link.ts';
import { withBearer } from '../../../worker/bearer.ts';

export const ask = withBearer(tokenIn(location.hash), (input, init) => fetch(input, init));
