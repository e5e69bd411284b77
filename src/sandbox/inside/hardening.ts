/**
 * Freezes the classes of the kernel that a program can get hold of (`ctx`, events, errors), with
 * their methods: in a realm that is used again nothing may be left behind on them.
 */

function freezeMembers(holder: object): void {
  for (const key of Reflect.ownKeys(holder)) {
    const { value, get, set } = Object.getOwnPropertyDescriptor(holder, key) as PropertyDescriptor;
    for (const member of [value, get, set]) {
      if (typeof member === "function") Object.freeze(member);
    }
  }
  Object.freeze(holder);
}

/** Freezes classes, their prototypes, and what hangs on both. */
export function harden(...classes: readonly { readonly prototype: object }[]): void {
  for (const one of classes) {
    freezeMembers(one.prototype);
    freezeMembers(one);
  }
}
