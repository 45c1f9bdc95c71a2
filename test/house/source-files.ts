import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A file of the repository as the compiler sees it; paths are relative to the repository. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
  /** Strings and the fixed parts of templates, with their lines; not comments. */
  readonly strings: readonly { readonly text: string; readonly line: number }[];
  /** Names that it exports at the top level, and whether a doc comment stands before them. */
  readonly exported: readonly { readonly name: string; readonly line: number; readonly documented: boolean }[];
  /** `process.env` and the like, as they are written. */
  readonly properties: readonly { readonly text: string; readonly line: number }[];
}

export interface Import {
  /** A path in the repository (`src/nft/print.ts`), or what is imported from elsewhere. */
  readonly from: string;
  readonly isLocal: boolean;
  /** Nothing is left of it at run time. */
  readonly isType: boolean;
  readonly line: number;
}

export function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The TypeScript files below a folder. */
export function sourceFiles(folder: string): SourceFile[] {
  return filesBelow(folder, '.ts').map(parse);
}

/** Paths of the files below a folder with the extension, sorted. */
export function filesBelow(folder: string, extension: string): string[] {
  return listFiles(folder)
    .filter((path) => path.endsWith(extension))
    .sort();
}

/** The npm package of an import, undefined for modules of Node. */
export function packageOf(from: string): string | undefined {
  if (from.startsWith('node:') || builtinModules.includes(from)) return undefined;
  return from
    .split('/')
    .slice(0, from.startsWith('@') ? 2 : 1)
    .join('/');
}

function parse(path: string): SourceFile {
  const text = read(path);
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
  const imports: Import[] = [];
  const strings: { text: string; line: number }[] = [];
  const properties: { text: string; line: number }[] = [];
  const lineOf = (node: ts.Node) => file.getLineAndCharacterOfPosition(node.getStart()).line + 1;
  const visit = (node: ts.Node): void => {
    const specifier = importedModule(node);
    if (specifier !== undefined)
      imports.push({ ...located(path, specifier), isType: isType(node), line: lineOf(node) });
    else if (isText(node)) strings.push({ text: node.text, line: lineOf(node) });
    if (ts.isPropertyAccessExpression(node)) properties.push({ text: node.getText(), line: lineOf(node) });
    ts.forEachChild(node, visit);
  };
  visit(file);
  const exported = file.statements.filter(isExported).flatMap((statement) => {
    const documented = text.slice(statement.getFullStart(), statement.getStart()).includes('/**');
    return namesOf(statement).map((name) => ({ name, line: lineOf(statement), documented }));
  });
  return { path, text, imports, strings, exported, properties };
}

function importedModule(node: ts.Node): string | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node))
    return node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier) ? node.moduleSpecifier.text : undefined;
  if (!ts.isCallExpression(node) || node.expression.kind !== ts.SyntaxKind.ImportKeyword) return undefined;
  const [argument] = node.arguments;
  return argument && ts.isStringLiteral(argument) ? argument.text : '(an expression)';
}

function isType(node: ts.Node): boolean {
  if (ts.isExportDeclaration(node)) return node.isTypeOnly;
  if (!ts.isImportDeclaration(node) || !node.importClause) return false;
  const { isTypeOnly, name, namedBindings } = node.importClause;
  if (isTypeOnly || name || !namedBindings || !ts.isNamedImports(namedBindings)) return isTypeOnly;
  return namedBindings.elements.every((element) => element.isTypeOnly);
}

function located(path: string, specifier: string): Pick<Import, 'from' | 'isLocal'> {
  if (!specifier.startsWith('.')) return { from: specifier, isLocal: false };
  return { from: normalize(join(dirname(path), specifier)).replace(/\.js$/, '.ts'), isLocal: true };
}

function isText(node: ts.Node): node is ts.LiteralLikeNode {
  return (
    ts.isStringLiteral(node) ||
    ts.isNoSubstitutionTemplateLiteral(node) ||
    ts.isTemplateHead(node) ||
    ts.isTemplateMiddleOrTemplateTail(node)
  );
}

function isExported(statement: ts.Statement): boolean {
  return (
    ts.canHaveModifiers(statement) &&
    (ts.getModifiers(statement) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
  );
}

function namesOf(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.map(({ name }) => name.getText());
  const { name } = statement as ts.Statement & { name?: ts.Identifier };
  return name ? [name.text] : [];
}

function listFiles(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? listFiles(path) : [path];
  });
}
