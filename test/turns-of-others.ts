// Whether work leaves the thread to others: turns of the event loop that somebody else gets.

/** Counts the turns from now on; the function that is returned ends that and says how many. */
export function turnsOfOthers(): () => number {
  let turns = 0;
  let over = false;
  const turn = (): void => {
    turns += 1;
    if (!over) setImmediate(turn);
  };
  setImmediate(turn);
  return () => {
    over = true;
    return turns;
  };
}
