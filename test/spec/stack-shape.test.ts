import { expect, expectTypeOf, it } from "vitest";
import type { ListShape, MapShape, StructShape } from "../../src/spec/shape.ts";
import type { FileObject, Model, Network, Service, Volume } from "../../src/spec/stack.ts";
import {
  type fileObjectShape,
  type modelShape,
  type networkShape,
  SECTIONS,
  serviceShape,
  type volumeShape,
} from "../../src/spec/stack-shape.ts";

/** The dotted paths of a declared type; lists and maps are left out of them. */
type Declared<T> = T extends readonly (infer Item)[]
  ? Declared<Item>
  : T extends object
    ? string extends keyof T
      ? Declared<NonNullable<T[keyof T]>>
      : { [K in Names<T>]: K | `${K}.${Declared<NonNullable<T[K]>>}` }[Names<T>]
    : never;

type Names<T> = Exclude<keyof T, `x-${string}`> & string;

/** As deep as shapes go, so that the compiler sees an end. */
type Depth = readonly unknown[];
type Deeper<D extends Depth> = readonly [...D, 0];
type IsEnd<D extends Depth> = D["length"] extends 9 ? true : false;

/** The dotted paths of a shape; `Below` stands for what is in a value that is decoded as a whole. */
type Shaped<S, Below extends string, D extends Depth = []> =
  IsEnd<D> extends true
    ? never
    : S extends ListShape<infer Item>
      ? Shaped<Item, Below, Deeper<D>>
      : S extends MapShape<infer Value>
        ? Shaped<Value, Below, Deeper<D>>
        : S extends StructShape<infer Fields>
          ? {
              [K in keyof Fields & string]: K | `${K}.${Shaped<ShapeOf<Fields[K]>, Below, Deeper<D>>}`;
            }[keyof Fields & string]
          : Below;

type ShapeOf<F> = F extends { readonly shape: infer S } ? S : F;

/** What a type has and its shape has not. */
type Missing<T, S> = Exclude<Declared<T>, Shaped<S, string>>;

/** What a shape has and its type has not. */
type Surplus<T, S> = Exclude<Shaped<S, never>, Declared<T>>;

it("the shapes have the fields of the types, at every depth (the compiler checks it)", () => {
  expectTypeOf<Missing<Service, typeof serviceShape>>().toBeNever();
  expectTypeOf<Surplus<Service, typeof serviceShape>>().toBeNever();
  expectTypeOf<Missing<Network, typeof networkShape>>().toBeNever();
  expectTypeOf<Surplus<Network, typeof networkShape>>().toBeNever();
  expectTypeOf<Missing<Volume, typeof volumeShape>>().toBeNever();
  expectTypeOf<Surplus<Volume, typeof volumeShape>>().toBeNever();
  // Read from the disk, not from the Compose file.
  expectTypeOf<Missing<FileObject, typeof fileObjectShape>>().toEqualTypeOf<"fileContent">();
  expectTypeOf<Surplus<FileObject, typeof fileObjectShape>>().toBeNever();
  expectTypeOf<Missing<Model, typeof modelShape>>().toBeNever();
  expectTypeOf<Surplus<Model, typeof modelShape>>().toBeNever();
  expect(Object.values(SECTIONS)).toContain(serviceShape);
});
