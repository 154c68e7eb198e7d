// What the bundler makes of an import: the address of the module as a worker's script.
declare module '*?worker&url' {
  const url: string;
  export default url;
}
