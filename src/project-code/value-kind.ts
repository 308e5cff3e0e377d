import type { Declaration, Expression } from '@swc/core';

/** `maybe`: what a call or another file gave, which only running it can tell. */
export type Kind = 'function' | 'maybe' | 'value';

export function kindOf(expression: Expression | undefined): Kind {
  switch (expression?.type) {
    case 'ArrowFunctionExpression':
    case 'FunctionExpression':
      return 'function';
    case 'ParenthesisExpression':
    case 'TsAsExpression':
    case 'TsSatisfiesExpression':
    case 'TsConstAssertion':
    case 'TsNonNullExpression':
      return kindOf(expression.expression);
    case 'CallExpression': {
      // defineSignal, proxyActivities and their like give no workflow, and every workflow may call its own `pause`.
      const { callee } = expression;
      return callee.type === 'Identifier' && /^(define|proxy)[A-Z]/.test(callee.value) ? 'value' : 'maybe';
    }
    case 'Identifier':
    case 'MemberExpression':
      return 'maybe';
    default:
      return 'value';
  }
}

/** The names a declaration gives. */
export function declarationKinds(declaration: Declaration): [string, Kind][] {
  if (declaration.type === 'FunctionDeclaration') return [[declaration.identifier.value, 'function']];
  if (declaration.type !== 'VariableDeclaration') return [];
  return declaration.declarations.flatMap(({ id, init }): [string, Kind][] =>
    id.type === 'Identifier' ? [[id.value, kindOf(init)]] : [],
  );
}
