import type { Expression } from '@swc/core';
import { kindOf } from './value-kind.js';

export type Exports = [name: string, isFunction: boolean][];

/** `exports.name = …`, `module.exports.name = …` and `module.exports = { … }`. */
export function commonJsExports(expression: Expression, isFunction: (name: string) => boolean): Exports {
  if (expression.type !== 'AssignmentExpression') return [];
  const { left, right } = expression;
  const valueIsFunction = (value: Expression): boolean =>
    value.type === 'Identifier' ? isFunction(value.value) : kindOf(value) !== 'value';
  if (left.type !== 'MemberExpression' || left.property.type !== 'Identifier') return [];
  const isModuleExports = (node: Expression): boolean =>
    node.type === 'MemberExpression' &&
    node.object.type === 'Identifier' &&
    node.object.value === 'module' &&
    node.property.type === 'Identifier' &&
    node.property.value === 'exports';
  if (isModuleExports(left) && right.type === 'ObjectExpression') {
    return right.properties.flatMap((property): Exports => {
      if (property.type === 'Identifier') return [[property.value, isFunction(property.value)]];
      if (property.type === 'MethodProperty' && property.key.type === 'Identifier') return [[property.key.value, true]];
      if (property.type !== 'KeyValueProperty' || property.key.type !== 'Identifier') return [];
      return [[property.key.value, valueIsFunction(property.value)]];
    });
  }
  const onExports =
    isModuleExports(left.object) || (left.object.type === 'Identifier' && left.object.value === 'exports');
  return onExports ? [[left.property.value, valueIsFunction(right)]] : [];
}
