/** What reads the settings file, as names of a module: `import('yaml')` of the bundle would give a default export alone. */
export { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
