import ts from 'typescript'

export interface Import {
  /** the module's name as written; undefined where it is computed */
  readonly name: string | undefined
  readonly line: number
}

/** Every import of a file, whatever its form: static, type-only, re-export, dynamic, `import('x').Type`, `import = require`, `require`. */
export function importsOf(path: string, text: string): readonly Import[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const found: Import[] = []
  const visit = (node: ts.Node): void => {
    const specifier = specifierOf(node)
    if (specifier !== undefined) {
      const line = file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1
      found.push({ name: ts.isStringLiteralLike(specifier) ? specifier.text : undefined, line })
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

/** The expression that names the module, if the node is an import. */
function specifierOf(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier
  if (ts.isExternalModuleReference(node)) return node.expression
  if (ts.isImportTypeNode(node)) return ts.isLiteralTypeNode(node.argument) ? node.argument.literal : node.argument
  if (ts.isCallExpression(node) && isLoader(node.expression)) return node.arguments[0] ?? node
  return undefined
}

function isLoader(callee: ts.Expression): boolean {
  return callee.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(callee) && callee.text === 'require')
}
